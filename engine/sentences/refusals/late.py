"""Refusals of clicks that come too late: somebody decided, changed or closed the request before."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from engine.ids import UserId
from engine.sentences.refusals.base import Refusal
from engine.sentences.spoken import escaped, people, when


@dataclass(frozen=True, slots=True)
class AlreadyVoted(Refusal):
    """A second vote of the same person on the same revision; `missing` is the number of votes still needed."""

    missing: int = 1
    approved: bool = True
    code: ClassVar[str] = "already_voted"

    @property
    def sentence(self) -> str:
        more = "One more person" if self.missing == 1 else f"{self.missing} more people"
        return f"You already {'approved' if self.approved else 'chose this'}. {more} must."


@dataclass(frozen=True, slots=True)
class AlreadyDecided(Refusal):
    """The request is decided. `outcome` is a past participle: approved, rejected; `option` a node's word, untrusted."""

    outcome: str
    by: tuple[UserId, ...]
    at: datetime
    option: str = ""
    code: ClassVar[str] = "already_decided"
    title: ClassVar[str] = "Too late"

    @property
    def sentence(self) -> str:
        who = f" by {people(self.by)}" if self.by else ""
        what = f": {escaped(self.option)}" if self.option else ""
        return f"This was already {self.outcome}{who} {when(self.at)}{what}. Your click had no effect."


@dataclass(frozen=True, slots=True)
class Changed(Refusal):
    """A click on an earlier revision."""

    by: UserId
    code: ClassVar[str] = "changed"
    title: ClassVar[str] = "Too late"

    @property
    def sentence(self) -> str:
        return f"<@{self.by}> changed this request before your click. Please look at it again and decide then."


@dataclass(frozen=True, slots=True)
class Overtaken(Refusal):
    """A click that was kept until its author was looked up, who has made another choice since."""

    code: ClassVar[str] = "overtaken"

    @property
    def sentence(self) -> str:
        return "You clicked again after this, and your later click counts."


@dataclass(frozen=True, slots=True)
class Expired(Refusal):
    """Too late."""

    at: datetime
    code: ClassVar[str] = "expired"
    title: ClassVar[str] = "Too late"

    @property
    def sentence(self) -> str:
        return f"This request expired {when(self.at)}. Your click had no effect."


@dataclass(frozen=True, slots=True)
class Closed(Refusal):
    """The request is withdrawn or gone. `reason` may quote an agent's error, so it is escaped."""

    reason: str = ""
    code: ClassVar[str] = "closed"
    title: ClassVar[str] = "Too late"

    @property
    def sentence(self) -> str:
        reason = escaped(self.reason).rstrip(".")
        return f"This request is no longer open{': ' + reason if reason else ''}. Your click had no effect."
