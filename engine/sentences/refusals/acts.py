"""Refusals of choices and acts that the request, its card or its rule does not allow."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from engine.ids import ChannelId, UserId
from engine.sentences.refusals.base import Refusal
from engine.sentences.spoken import when


@dataclass(frozen=True, slots=True)
class NotOffered(Refusal):
    """A choice that the graph does not take, or an action that is not there."""

    code: ClassVar[str] = "not_offered"

    @property
    def sentence(self) -> str:
        return "This request does not offer that choice."


@dataclass(frozen=True, slots=True)
class NotTheCard(Refusal):
    """A button on a copy of the card. `channel` is the card's."""

    channel: ChannelId
    code: ClassVar[str] = "not_the_card"

    @property
    def sentence(self) -> str:
        where = "our direct messages" if self.channel.startswith("D") else f"<#{self.channel}>"
        return f"This is a copy of the request, so your click had no effect. Use the original in {where}."


@dataclass(frozen=True, slots=True)
class RuleRejects(Refusal):
    """An edit to a value that a rule rejects automatically; with `edited` false, an approval that it rejects by now."""

    rule: str
    edited: bool = True
    code: ClassVar[str] = "rule_rejects"

    @property
    def sentence(self) -> str:
        if self.edited:
            return f"With these values {self.rule} in app.yaml rejects the request, so your changes were not made."
        return f"{self.rule} in app.yaml now rejects such requests automatically, so you can only reject this one."


@dataclass(frozen=True, slots=True)
class NoGrant(Refusal):
    """Allowing calls like this one, where that is not or no longer possible."""

    code: ClassVar[str] = "no_grant"

    @property
    def sentence(self) -> str:
        return "Calls like this one can't be allowed for a while. Nothing was changed: approve this one alone."


@dataclass(frozen=True, slots=True)
class OnePersonsWords(Refusal):
    """An answer where several approvals are needed: the others would have to give the same one."""

    quorum: int
    code: ClassVar[str] = "one_persons_words"

    @property
    def sentence(self) -> str:
        return f"An answer can't be used here: {self.quorum} approvals are needed."


@dataclass(frozen=True, slots=True)
class NotYourWords(Refusal):
    """Sending another person's words as the answer."""

    author: UserId
    code: ClassVar[str] = "not_your_words"

    @property
    def sentence(self) -> str:
        return f"<@{self.author}> wrote these words, so only they can send them as the answer."


@dataclass(frozen=True, slots=True)
class KeptBack(Refusal):
    """An edited text that contains the mask of a secret: nobody can tell what was meant."""

    code: ClassVar[str] = "kept_back"

    @property
    def sentence(self) -> str:
        return "••• stands for a secret. Leave such a field as it was, or write all of it. Nothing was changed."


@dataclass(frozen=True, slots=True)
class ShownInPart(Refusal):
    """An approval of a request that the card shows only in part: the person is asked again first."""

    code: ClassVar[str] = "shown_in_part"

    @property
    def sentence(self) -> str:
        return "The card shows only part of this request. Nothing was changed yet."


@dataclass(frozen=True, slots=True)
class NotTheRequester(Refusal):
    """Withdrawing another person's request, or reminding people of it."""

    requester: UserId
    code: ClassVar[str] = "not_the_requester"

    @property
    def sentence(self) -> str:
        return f"Only <@{self.requester}>, who asked for this, can do that."


@dataclass(frozen=True, slots=True)
class NudgedAlready(Refusal):
    """A second nudge within the hour; `again` is the time from which the next one is possible."""

    again: datetime
    code: ClassVar[str] = "nudged_already"

    @property
    def sentence(self) -> str:
        return f"You nudged them already. You can do it again {when(self.again)}."


@dataclass(frozen=True, slots=True)
class LookedAlready(Refusal):
    """A second pause by the same person."""

    code: ClassVar[str] = "looked_already"

    @property
    def sentence(self) -> str:
        return "You already said that you are looking at this. Each person can pause the reminders once."


@dataclass(frozen=True, slots=True)
class CannotTakeOver(Refusal):
    """Handing over to somebody who may not decide."""

    to: UserId
    code: ClassVar[str] = "cannot_take_over"

    @property
    def sentence(self) -> str:
        return f"<@{self.to}> can't decide this request, so it was not handed over. Choose one of its approvers."


@dataclass(frozen=True, slots=True)
class TakerUnknown(Refusal):
    """Handing over to a person whose eligibility cannot be checked now."""

    to: UserId
    code: ClassVar[str] = "taker_unknown"
    title: ClassVar[str] = "Try again"

    @property
    def sentence(self) -> str:
        return f"Couldn't check whether <@{self.to}> may decide this, so it was not handed over. Try again in a moment."


@dataclass(frozen=True, slots=True)
class YoursAlready(Refusal):
    """Handing over to oneself."""

    code: ClassVar[str] = "yours_already"

    @property
    def sentence(self) -> str:
        return "You can decide this request yourself. Choose somebody else to hand it over to."


@dataclass(frozen=True, slots=True)
class NoDeadline(Refusal):
    """Moving a deadline that does not exist, or by more than is possible."""

    code: ClassVar[str] = "no_deadline"

    @property
    def sentence(self) -> str:
        return "The deadline of this request can't be moved like that."
