"""Refusals of people who may not decide, or of whom nobody can tell."""

from dataclasses import dataclass
from typing import ClassVar

from engine.ids import UserId
from engine.sentences.refusals.base import Refusal
from engine.sentences.spoken import capitalized, escaped, spoken
from engine.sources import Source, SourceFailure


@dataclass(frozen=True, slots=True)
class NotAnApprover(Refusal):
    """The rule names others."""

    sources: tuple[Source, ...]
    code: ClassVar[str] = "not_an_approver"

    @property
    def sentence(self) -> str:
        return f"You are not an approver of this request. {capitalized(spoken(self.sources))} can decide it."


@dataclass(frozen=True, slots=True)
class NotYetTheirTurn(Refusal):
    """An approval of a later stage; `sources` are those of the stage that comes first."""

    sources: tuple[Source, ...]
    code: ClassVar[str] = "not_yet_their_turn"
    title: ClassVar[str] = "Too early"

    @property
    def sentence(self) -> str:
        return f"{capitalized(spoken(self.sources))} must approve this first. You can already reject it."


@dataclass(frozen=True, slots=True)
class NotNeeded(Refusal):
    """An approval for a part that others gave already; `sources` are those of the parts that still lack theirs."""

    sources: tuple[Source, ...]
    code: ClassVar[str] = "not_needed"

    @property
    def sentence(self) -> str:
        return f"Your approval is not needed any more. Still missing: {spoken(self.sources)}."


@dataclass(frozen=True, slots=True)
class SourceUnknown(Refusal):
    """Sources that might name the person could not be read."""

    failed: tuple[SourceFailure, ...]
    code: ClassVar[str] = "source_unknown"
    title: ClassVar[str] = "Try again"

    @property
    def sentence(self) -> str:
        what = "; ".join(f"{spoken((each.source,))}: {escaped(each.why).rstrip('.')}" for each in self.failed)
        return f"Couldn't check whether you may decide this ({what}). Nothing was changed: try again in a moment."


@dataclass(frozen=True, slots=True)
class RosterUnknown(Refusal):
    """Slack could not be asked who the person is, so they may not decide."""

    code: ClassVar[str] = "roster_unknown"

    @property
    def sentence(self) -> str:
        return (
            "Couldn't check with Slack whether you may decide this. Nothing was changed: please try again in a moment."
        )


@dataclass(frozen=True, slots=True)
class NoLongerNamed(Refusal):
    """Today's rule no longer names the person, who was an approver when the request was made."""

    code: ClassVar[str] = "no_longer_named"

    @property
    def sentence(self) -> str:
        return "The rule for this request was changed since it was made, and you are no longer one of its approvers."


@dataclass(frozen=True, slots=True)
class NoOwnRequests(Refusal):
    """Self-approval."""

    code: ClassVar[str] = "own_request"

    @property
    def sentence(self) -> str:
        return "You asked for this yourself, so somebody else has to decide it."


@dataclass(frozen=True, slots=True)
class NotYourQuestion(Refusal):
    """A question to somebody else."""

    requester: UserId
    code: ClassVar[str] = "not_your_question"

    @property
    def sentence(self) -> str:
        return f"This question is for <@{self.requester}>, whose conversation it is."


@dataclass(frozen=True, slots=True)
class NotYourRun(Refusal):
    """Somebody else's run failed."""

    requester: UserId
    code: ClassVar[str] = "not_your_run"

    @property
    def sentence(self) -> str:
        return f"Only <@{self.requester}> can retry this."


@dataclass(frozen=True, slots=True)
class NotYourConversation(Refusal):
    """Somebody else's direct messages."""

    code: ClassVar[str] = "not_your_conversation"

    @property
    def sentence(self) -> str:
        return "Only the person whose conversation this is can see its history."


@dataclass(frozen=True, slots=True)
class NeedsSeveral(Refusal):
    """Time travel where several people have to agree."""

    quorum: int
    code: ClassVar[str] = "needs_several"

    @property
    def sentence(self) -> str:
        return (
            f"What is decided in this conversation takes {self.quorum} people, so nobody can go back in it alone. "
            "Ask the agent again with a new message."
        )


@dataclass(frozen=True, slots=True)
class NotInChannel(Refusal):
    """Not a member of the channel."""

    code: ClassVar[str] = "not_in_channel"

    @property
    def sentence(self) -> str:
        return "Only members of the channel in which the agent was asked can decide this request."


@dataclass(frozen=True, slots=True)
class NoGuests(Refusal):
    """Single- and multi-channel guests."""

    code: ClassVar[str] = "guest"

    @property
    def sentence(self) -> str:
        return "Guests cannot decide requests. Ask a full member of this workspace."


@dataclass(frozen=True, slots=True)
class Stranger(Refusal):
    """People of another workspace, bots, deactivated accounts."""

    code: ClassVar[str] = "stranger"

    @property
    def sentence(self) -> str:
        return "Only members of this workspace can decide requests."
