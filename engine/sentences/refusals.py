"""Refusals: why a person's click or form had no effect. Each is a type, with one sentence for the person.

`sentence` is mrkdwn: `<@U1>` shows as that person's name, and what comes from a graph is escaped.
https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from engine.ids import ChannelId, UserId
from engine.sentences.spoken import capitalized, escaped, people, spoken, when
from engine.sources import Source, SourceFailure


@dataclass(frozen=True, slots=True)
class Refusal:
    """A click that had no effect. `code` stands in audits and metrics."""

    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "No effect"
    """The title of the modal that tells it."""

    @property
    def sentence(self) -> str:
        """The sentence for the person."""
        raise NotImplementedError


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
        return f"<@{self.to}> may not decide this request, so it was not handed over. Choose one of its approvers."


@dataclass(frozen=True, slots=True)
class NoGrant(Refusal):
    """Allowing calls like this one, where that is not or no longer possible."""

    code: ClassVar[str] = "no_grant"

    @property
    def sentence(self) -> str:
        return "Calls like this one can't be allowed for a while. Nothing was changed: approve this one alone."


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
class NoLongerNamed(Refusal):
    """Today's rule no longer names the person, who was an approver when the request was made."""

    code: ClassVar[str] = "no_longer_named"

    @property
    def sentence(self) -> str:
        return "The rule for this request was changed since it was made, and you are no longer one of its approvers."


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
class NoOwnRequests(Refusal):
    """Self-approval."""

    code: ClassVar[str] = "own_request"

    @property
    def sentence(self) -> str:
        return "You asked for this yourself, so somebody else has to decide it."


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


@dataclass(frozen=True, slots=True)
class OnePersonsWords(Refusal):
    """An answer where several approvals are needed: the others would have to give the same one."""

    quorum: int
    code: ClassVar[str] = "one_persons_words"

    @property
    def sentence(self) -> str:
        return f"An answer can't be used here: {self.quorum} approvals are needed."


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
class NotYourWords(Refusal):
    """Sending another person's words as the answer."""

    author: UserId
    code: ClassVar[str] = "not_your_words"

    @property
    def sentence(self) -> str:
        return f"<@{self.author}> wrote these words, so only they can send them as the answer."


@dataclass(frozen=True, slots=True)
class NotOffered(Refusal):
    """A choice that the graph does not take, or an action that is not there."""

    code: ClassVar[str] = "not_offered"

    @property
    def sentence(self) -> str:
        return "This request does not offer that choice."
