"""Entries of `approvals:` in `app.yaml`: who decides, when, and what happens if nobody does."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator

from bot.config.values import (
    MINUTES_A_DAY,
    Channel,
    Days,
    Duration,
    Given,
    GroupHandle,
    Outcome,
    Person,
    Quorum,
    SourceName,
    Strict,
    TimeOfDay,
    Times,
    Verdict,
    Zone,
    wrong,
)
from engine.approvals.approval import Notify
from engine.authority.policy import LONGEST_GRANT, Hours, OnExpiry

Path: TypeAlias = tuple[str | int, ...]


def times_fit(reminders: Sequence[timedelta], expires_after: timedelta | None) -> None:
    """Raises an error with our own words where reminders are out of order, or would come too late."""
    _ascending(reminders, "remind_after")
    if expires_after is not None and reminders and reminders[-1] >= expires_after:
        raise wrong("the reminder would come after the expiry", "Make it shorter than expires_after.", "remind_after")


def _ascending(spans: Sequence[timedelta], key: str) -> None:
    if any(earlier >= later for earlier, later in pairwise(spans)):
        raise wrong("these times do not ascend", "Write the soonest first.", key)


# Entries --------------------------------------------------------------------------------------------------------------


class RuleKind(StrEnum):
    """The kinds of asks that a rule can name."""

    QUESTION = "question"


class When(Strict):
    """The requests that a rule governs: `agent` and `tool` may hold `*`. With neither it governs all but questions."""

    agent: Given[str] = Field(default=None, examples=["deploy", "team-*"])
    """The agent that asks; `*` stands for anything."""
    tool: Given[str] = Field(default=None, examples=["rollback_*"])
    """The tool that is called; `*` stands for anything."""
    kind: Given[RuleKind] = None
    """The kind of request, where it is no tool call."""
    condition: Given[str] = Field(default=None, alias="if", examples=["args.amount > 100"])
    """A condition in CEL on the arguments, the requester and the time. Needs the extra `rules`."""


class PeopleEntry(Strict):
    """People by any of their sources. `guests`: those of `users` who are named by id may be guests."""

    users: tuple[Person, ...] = ()
    """People: names, e-mail addresses or Slack ids."""
    groups: tuple[GroupHandle, ...] = ()
    """User groups, by their handles."""
    channel: bool = False
    """True for any member of the channel in which the card stands."""
    oncall: tuple[SourceName, ...] = ()
    """People who are on call: names of entries of `oncall:`."""
    guests: bool = False
    """True if those of `users` who are named by id may be guests of the workspace."""

    @model_validator(mode="after")
    def _are_named_once(self) -> Self:
        for key in ("users", "groups", "oncall"):
            names: tuple[str, ...] = getattr(self, key)
            if key in self.model_fields_set and not names:
                raise wrong("is empty", "Name at least one.", key)
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise wrong(f"{twice} is named twice", "Keep one of the two.", key)
        if self.guests and not self.users:
            raise wrong("guests are let in only where users: names them by id", "Add users: [U123].", "guests")
        return self

    @property
    def is_empty(self) -> bool:
        """True if it names nobody."""
        return not (self.users or self.is_open)

    @property
    def is_open(self) -> bool:
        """True if only Slack or a schedule knows who and how many they are."""
        return bool(self.groups or self.channel or self.oncall)

    @property
    def can_be_called(self) -> bool:
        """True if it names people one by one, in some way."""
        return bool(self.users or self.groups or self.oncall)


class PartEntry(PeopleEntry):
    """One part of the approvers, with a quorum of its own where it says so."""

    quorum: Given[Quorum] = None
    """The number of people of this part who have to approve."""

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.is_empty:
            raise wrong("names nobody", "Add users, groups, channel: true or oncall.")
        return self


class ApproversEntry(PeopleEntry):
    """The approvers: people, or several parts of whom each has to agree."""

    quorum: Given[Quorum] = None
    """The number of people who have to approve."""
    all_of: Annotated[tuple[PartEntry, ...], Field(min_length=2)] | None = Field(
        default=None, examples=[[{"groups": ["security"]}, {"users": ["alice", "bob"], "quorum": 2}]]
    )
    """Parts of whom each has to approve, in place of people here."""

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.all_of is not None and not (self.is_empty and self.quorum is None and not self.guests):
            raise wrong("the people are in all_of already", "Move them into a part of all_of.")
        if self.all_of is None and self.is_empty:
            raise wrong("names nobody", "Add users, groups, channel: true, oncall, or all_of.")
        return self

    @property
    def parts(self) -> Sequence[tuple[Path, PartEntry]]:
        """Its parts, each with the keys that lead to it."""
        if self.all_of is not None:
            return [(("all_of", place), each) for place, each in enumerate(self.all_of)]
        return [((), PartEntry(**{name: getattr(self, name) for name in self.model_fields_set}))]


class StepEntry(Strict):
    """One step of `escalate:`."""

    after: Duration
    """The time after which these people may decide, too."""
    to: PartEntry = Field(examples=[{"groups": ["sre"]}])
    """The people who are added."""

    @model_validator(mode="after")
    def _adds_people(self) -> Self:
        if self.to.quorum is not None:
            raise wrong("a step adds people to those who decide already", "Remove quorum.", "to", "quorum")
        return self


class HoursEntry(Strict):
    """Working hours. `always`: the clock of the expiry runs outside of them, too."""

    zone: Zone
    """The time zone."""
    days: Days = frozenset(range(5))
    """The working days."""
    opens: TimeOfDay = Field(alias="from")
    """The time at which the working day begins."""
    closes: TimeOfDay = Field(alias="to")
    """The time at which it ends; earlier than `from`, it is on the next day."""
    always: bool = False
    """True if the clock of the expiry runs outside of working hours, too."""

    @model_validator(mode="after")
    def _last(self) -> Self:
        if self.opens % MINUTES_A_DAY == self.closes % MINUTES_A_DAY and (self.opens, self.closes) != (
            0,
            MINUTES_A_DAY,
        ):
            raise wrong("these hours begin and end at the same time", 'Write from: "09:00" and to: "17:00".', "to")
        return self

    @property
    def hours(self) -> Hours:
        """The engine's."""
        return Hours(self.zone, self.days, self.opens, self.closes)


class GrantsEntry(Strict):
    """The extent of "allow like this". Without `fields` all arguments have to be the same."""

    lasts: Duration = Field(alias="for")
    """The time for which a person can allow calls like this one."""
    fields: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(default=None, examples=[["service"]])
    """The arguments that have to be the same; all of them if left out."""

    @model_validator(mode="after")
    def _is_one_that_there_can_be(self) -> Self:
        if self.lasts > LONGEST_GRANT:
            raise wrong(f"a grant lasts at most {LONGEST_GRANT.days} days", "Write 7d or less.", "for")
        fields = self.fields or ()
        if twice := next((name for name in fields if fields.count(name) > 1), None):
            raise wrong(f"{twice} is named twice", "Keep one of the two.", "fields")
        if "" in fields:
            raise wrong("a field has no name", "Name arguments of the tool: [service].", "fields")
        return self


class ApprovalEntry(Strict):
    """One entry of `approvals:`."""

    when: When = Field(default=When(), examples=[{"agent": "deploy", "tool": "rollback_*"}])
    """The requests that this rule governs; left out, all but questions."""
    approvers: Given[ApproversEntry] = Field(default=None, examples=[{"users": ["alice", "bob"]}, {"channel": True}])
    """The people who decide."""
    stages: Given[Annotated[tuple[ApproversEntry, ...], Field(min_length=1)]] = Field(
        default=None, examples=[[{"groups": ["support"]}, {"users": ["carol"]}]]
    )
    """Approvers one after another: the next are asked when those before have approved."""
    quorum: Quorum = 1
    """The number of people who have to approve."""
    reject_quorum: Quorum = 1
    """The number of rejections that reject a request."""
    own_requests: bool = False
    """True if the requester may decide, too."""
    decide: Given[Verdict] = None
    """The decision of the rule itself: nobody is asked."""
    quiet: bool = False
    """True if what the rule decides by itself is not shown in the conversation."""
    post_to: Given[Channel] = None
    """The channel of the card, where it is not the conversation's own."""
    notify: Given[Notify] = None
    """How approvers are called."""
    broadcast: bool = True
    """True if a card in a thread is shown in its channel, too."""
    remind_after: Times = ()
    """The times after which approvers are reminded."""
    escalate: tuple[StepEntry, ...] = Field(default=(), examples=[[{"after": "15m", "to": {"groups": ["sre"]}}]])
    """Steps that add people who may decide, if nobody has."""
    expires_after: Given[Duration] = None
    """The time after which a request expires. Silence never approves."""
    on_expiry: Outcome = OnExpiry.REJECT
    """What happens then: the agent hears of a rejection, its run fails, or the next step of `escalate` is taken."""
    hours: Given[HoursEntry] = Field(
        default=None, examples=[{"zone": "Europe/Berlin", "days": "mon-fri", "from": "09:00", "to": "17:00"}]
    )
    """Working hours: outside of them reminders, steps and the expiry wait."""
    zone: Given[Zone] = None
    """The time zone of `now` in the condition."""
    grants: Given[GrantsEntry] = Field(default=None, examples=[{"for": "1h", "fields": ["service"]}])
    """Allows "allow like this": calls of the same kind need no decision for a while."""

    @property
    def is_question(self) -> bool:
        """True if it governs questions."""
        return self.when.kind is RuleKind.QUESTION

    @property
    def of_stages(self) -> Sequence[Sequence[tuple[Path, PartEntry]]]:
        """The parts of each stage, each with the keys that lead to it; none where the requester answers a question."""
        if self.approvers is not None:
            return [[(("approvers", *path), part) for path, part in self.approvers.parts]]
        stages = enumerate(self.stages or ())
        return [[(("stages", place, *path), part) for path, part in stage.parts] for place, stage in stages]

    @property
    def people(self) -> Iterator[tuple[Path, PeopleEntry]]:
        """The people named in parts and in steps, with the keys that lead to them."""
        for stage in self.of_stages:
            yield from stage
        for place, step in enumerate(self.escalate):
            yield ("escalate", place, "to"), step.to

    def quorum_of(self, part: PartEntry) -> int:
        """The number of a part's people that have to agree."""
        return self.quorum if part.quorum is None else part.quorum

    @property
    def _approvals(self) -> int:
        """The number of approvals that a request takes."""
        return sum(self.quorum_of(part) for stage in self.of_stages for _, part in stage)

    @property
    def is_seen_by_requester_alone(self) -> bool:
        """True if the requester can decide alone, so that a card that only they see is enough."""
        parts = [part for stage in self.of_stages for _, part in stage]
        return self.own_requests and len(parts) == 1 and self.quorum_of(parts[0]) == 1

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.is_question and self.when.tool is not None:
            raise wrong(
                "a question is no tool call, so this rule would never apply", 'Remove "tool" or "kind".', "when"
            )
        self._says_who()
        self._people_fit()
        self._calls_somebody()
        self._times_fit()
        self._grants_fit()
        return self

    def _says_who(self) -> None:
        if self.decide is not None:
            self._decides_alone()
        elif self.quiet:
            raise wrong("only what a rule decides by itself can be quiet", "Add decide, or remove quiet.", "quiet")
        elif self.approvers is not None and self.stages is not None:
            raise wrong("the approvers are in stages already", "Keep approvers or stages.", "approvers")
        elif self.approvers is None and self.stages is None and not self.is_question:
            raise wrong("is missing", "Say who decides: approvers: {users: [alice]}.", "approvers")

    def _decides_alone(self) -> None:
        """Refuse keys about people in a rule that decides by itself: they would have no effect."""
        if self.is_question:
            raise wrong("a question has to be answered", "Remove decide, or kind: question.", "decide")
        others = self.model_fields_set - {"when", "decide", "quiet", "zone"}
        if others:
            key = next(name for name in type(self).model_fields if name in others)
            raise wrong("this rule decides by itself, so nobody is asked", "Remove it, or decide.", key)

    def _people_fit(self) -> None:
        for stage in self.of_stages:
            for path, part in stage:
                quorum, people = self.quorum_of(part), len(part.users)
                only_users = not part.is_open and not self.escalate
                if only_users and quorum > people:
                    key = (*path, "quorum") if part.quorum is not None else ("quorum",)
                    what = f"a quorum of {quorum} cannot be reached by {people} approver{'s' * (people > 1)}"
                    raise wrong(what, "Name more approvers, or ask for fewer.", *key)
        if self.is_question and self._approvals > 1:
            raise wrong("a question is answered once, by one person", "Write users, groups, or oncall, and no quorum.")
        if not self.of_stages and self.quorum > 1 and self.decide is None:
            raise wrong(f"a quorum of {self.quorum} cannot be reached by 1 approver", "Add approvers.", "quorum")

        named = {name for _, people in self.people for name in people.users}
        if self.of_stages and self.reject_quorum > len(named) and not any(each.is_open for _, each in self.people):
            what = f"{self.reject_quorum} rejections cannot come from {len(named)} approver{'s' * (len(named) > 1)}"
            raise wrong(what, "Ask for fewer, or name more approvers.", "reject_quorum")

    def _calls_somebody(self) -> None:
        """Refuse keys without effect: nobody is called for being in a channel, and only conditions read a clock."""
        everybody = [people for _, people in self.people]
        if self.notify in (Notify.MENTION, Notify.DIRECT) and not any(each.can_be_called for each in everybody):
            what = "nobody would be called: the members of a channel are not called one by one"
            raise wrong(what, "Name users, groups or oncall, or remove notify.", "notify")
        if self.zone is not None and self.when.condition is None:
            fix = "Add it to hours: for working hours, or remove it."
            raise wrong("this is the clock of now in conditions, and this rule has none", fix, "zone")

    def _times_fit(self) -> None:
        if self.expires_after is None and "on_expiry" in self.model_fields_set:
            raise wrong("this rule never expires", "Add expires_after, or remove on_expiry.", "on_expiry")
        if self.on_expiry is OnExpiry.ESCALATE and not self.escalate:
            raise wrong("there is no step to take", "Add escalate, or write reject.", "on_expiry")
        times_fit(self.remind_after, self.expires_after)
        _ascending([each.after for each in self.escalate], "escalate")
        if self.expires_after is None:
            return
        late = next((place for place, each in enumerate(self.escalate) if each.after >= self.expires_after), None)
        if late is not None and self.on_expiry is not OnExpiry.ESCALATE:
            fix = "Make it shorter than expires_after, or write on_expiry: escalate."
            raise wrong("this step would come after the expiry", fix, "escalate", late, "after")

    def _grants_fit(self) -> None:
        if self.grants is None:
            return
        if self._approvals != 1:
            raise wrong("only what one person decides can be allowed for a while", "Remove grants.", "grants")
        if self.is_question:
            raise wrong("an answer is given once", "Remove grants.", "grants")
