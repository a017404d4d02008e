"""Whether a bot serves, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Readiness:
    """`missing` are the reasons for not being ready, `degraded` problems of a bot that is ready, a sentence each."""

    missing: Sequence[str] = ()
    degraded: Sequence[str] = ()
