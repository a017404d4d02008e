"""A Slack workspace on 127.0.0.1 that speaks the real protocol: the same Bolt code runs on it without an account.

It is strict where Slack is strict (Block Kit limits, acks within three seconds, single-use triggers, one socket for
each envelope, retries, rate limits), fails on demand (`/faults`), and keeps its state in a folder. `server` puts the
parts together; `web_api` has a file for each family of methods; `people` lets the page and the tests act as people;
`delivery` sends payloads to the bot; `state` stores the workspace. Imports `adapters.blockkit`, and no other adapter.
"""

from adapters.localslack.server import AddressInUseError, LocalSlack, environment_lines, run_workspace
from adapters.localslack.state.journal import JournalError
from adapters.localslack.state.people_file import RosterError
from adapters.localslack.state.roster import PeopleFile
from adapters.localslack.web_api.rate_limit import RateLimit

__all__ = [
    "AddressInUseError",
    "JournalError",
    "LocalSlack",
    "PeopleFile",
    "RateLimit",
    "RosterError",
    "environment_lines",
    "run_workspace",
]
