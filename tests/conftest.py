"""What holds for all tests: no example is timed, since a busy machine is no fault."""

from hypothesis import settings

settings.register_profile("signoff", deadline=None)
settings.load_profile("signoff")
