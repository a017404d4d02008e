"""Sources of the right to decide: people, Slack groups, channels, on-call schedules (P6, P11).

A rule names sources. Grounds say which of them name a person at one time, and when that was looked up. A source that
cannot be read gives nobody the right to decide, and takes none away that another source gives.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Origin(StrEnum):
    """The kinds of sources."""

    USER = "user"
    """A person, by Slack id."""
    GROUP = "group"
    """A Slack user group, by Slack id."""
    CHANNEL = "channel"
    """The full members of a channel, by Slack id."""
    ON_CALL = "oncall"
    """The people on call, by the name of an entry of `oncall:` in `app.yaml`."""
    REQUESTER = "requester"
    """The person whose conversation it is, by Slack id."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source of people who may decide. `label` is its name for people: a group's handle."""

    origin: Origin
    name: str
    label: str = ""

    @property
    def called(self) -> str:
        """Its name in the audit."""
        match self.origin:
            case Origin.USER:
                return "users"
            case Origin.CHANNEL | Origin.REQUESTER:
                return self.origin.value
            case _:
                return self.label or self.name


@dataclass(frozen=True, slots=True)
class Ground:
    """A reason why a person may decide: a source that names them, and when that was looked up.

    `tier`, `starts` and `ends` are those of an on-call shift; `said` is its service's name for the person (untrusted).
    """

    source: Source
    looked_up: datetime
    tier: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source that could not be read, and why: one sentence, without secrets."""

    source: Source
    why: str
