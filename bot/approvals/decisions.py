"""Decides by what people do with a request: clicks, forms and other acts, counted at once or kept until they can be.

`engine.machine.step` makes the decision. This module gathers its facts: Slack's and the on-call services' answers about
the person, the rules in force, the votes so far. Where a source on which it depends does not answer in time, the click
is stored and decided later, as of the time of the click. So is a click on a question to which an earlier message may be
the answer, until that is read.
"""

from collections.abc import Awaitable, Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bot import concealment
from bot.approvals.earlier import Earlier
from bot.approvals.register import Register
from bot.rules.facts import AT_ONCE, WITH_PATIENCE, Authority, sources_of
from bot.rules.in_force import Rules
from bot.telemetry import Metrics
from engine.approvals.approval import Approval, State
from engine.approvals.effects import Consider, TellPerson, Withdraw
from engine.approvals.electorate import may_fill_more
from engine.approvals.events import Act, Cancelled, Chose, Click, Deferred, Doing, Event, Ruling
from engine.asks.ask import Choice, Json
from engine.authority.eligibility import AccountType, Facts, may_decide, may_open
from engine.authority.policy import Policy
from engine.ids import UserId
from engine.machine import Step, is_on_card, may_act, step
from engine.ports import Approvals, Clock, Lanes, Unless
from engine.sentences import notices
from engine.sentences.refusals import Closed, Refusal, ShownInPart, SourceUnknown
from engine.sources import Source

CONSIDERED_WITHIN = timedelta(seconds=30)
"""A stored click is decided by then, unless something is wrong."""


class Decisions:
    """Applies clicks and acts."""

    def __init__(
        self,
        *,
        register: Register,
        approvals: Approvals,
        lanes: Lanes,
        authority: Authority,
        rules: Rules,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._register = register
        self._approvals = approvals
        self._lanes = lanes
        self._authority = authority
        self._rules = rules
        self._earlier = Earlier(lanes)
        self._clock = clock
        self._metrics = metrics

    async def choose(self, choice: Click, unless: Unless | None = None) -> Refusal | None:
        """Take a click or a submitted form: durable when this returns (P1). None: it counted.

        Where `unless` holds for the current approval, nothing is written.

        Raises what the store raises: then nothing was written either, and the caller must not tell Slack "ok".
        """
        came = self._clock.now()
        return await self._store_to_wait(choice, self._choose(choice, AT_ONCE, unless), came)

    async def act(self, act: Act) -> Refusal | None:
        """Take what a person does with a request besides deciding it: durable when this returns. None: it counted."""
        came = self._clock.now()
        return await self._store_to_wait(act, self._act(act, AT_ONCE), came)

    async def consider(self, click: Click | Act) -> None:
        """Apply a click that was stored, or an answer in words, as of its own time."""
        taken = self._choose(click, WITH_PATIENCE) if isinstance(click, Click) else self._act(click, WITH_PATIENCE)
        self._count(click, await taken)

    async def _store_to_wait(
        self, click: Click | Act, taking: Awaitable[Step | None], came: datetime
    ) -> Refusal | None:
        try:
            return self._count(click, await taking)
        except _WaitError as wait:
            await self._store(replace(click, at=came), wait)
            return None

    def _count(self, click: Click | Act, taken: Step | None) -> Refusal | None:
        refusal = taken.refusal if taken else Closed("it is no longer kept")
        what = click.choice if isinstance(click, Click) else click.doing
        self._metrics.clicked(what.value, refusal.code if refusal else "counted")
        return refusal

    async def _choose(self, choice: Click, patience: float, unless: Unless | None = None) -> Step | None:
        """Step by a click. Raises _WaitError where it has to be stored for later; then nothing was written."""

        async def chose(approval: Approval) -> Event | Refusal:
            if unless is not None and await unless(approval):
                return ShownInPart()
            if choice.at is None:
                await self._raise_if_behind(approval)
            sent = replace(choice, value=concealment.restored(choice.value, _value_of(approval, choice.action)))
            facts, ruling = await self._facts_of(approval, sent, patience)
            event = sent.chose(facts, ruling)
            late = _late(event)
            if late and choice.at is None:
                taken = step(approval, event, self._clock.now())
                _raise_if_waiting(approval, taken.refusal or _refused_for_edit(approval, event), late)
                _raise_if_counted_in_part(approval, event, taken)
            return event

        return await self._register.step(choice.approval, chose)

    async def _act(self, act: Act, patience: float) -> Step | None:
        """Step by an act. Raises _WaitError where it has to be stored for later; then nothing was written."""

        async def acted(approval: Approval) -> Event:
            nobody = Facts(AccountType.UNKNOWN)
            if act.doing in _REQUESTERS or approval.state is not State.PENDING:
                return act.event(nobody, nobody, ())
            if act.at is None:
                await self._raise_if_behind(approval)
            current = await self._current(approval)
            people = [act.by] if act.to is None else [act.by, act.to]
            known = await self._authority.all_facts(
                people, approval.home, _needed_to_act(approval, current), act.at, patience
            )
            if act.at is None:
                for user, facts in known:
                    _raise_if_waiting(approval, may_act(approval, user, facts, current), facts.late)
            return act.event(known[0][1], known[-1][1], current)

        return await self._register.step(act.approval, acted)

    async def _current(self, approval: Approval) -> tuple[Policy | None, ...]:
        """Today's policies for its actions, as in `Ruling`."""
        return tuple([await self._rules.current(approval, place) for place in range(len(approval.reviews))])

    async def _facts_of(self, approval: Approval, click: Click, patience: float) -> tuple[Facts, Ruling]:
        """Look up what the policy needs to know of a person, and no more: each look-up may be a call to Slack."""
        nothing = Facts(AccountType.UNKNOWN), Ruling()
        if approval.state is not State.PENDING or not 0 <= click.action < len(approval.reviews):
            return nothing  # refused for everybody
        if not is_on_card(approval, click.on):
            return nothing
        review = approval.reviews[click.action]
        if may_open(review.governing, approval.requester, click.by, approval.ask.subject) is not None:
            return nothing  # refused by name: nothing is asked of Slack
        ruling = await self._rules.of_click(approval, click, click.at or self._clock.now())
        voters = tuple(dict.fromkeys(vote.by for vote in review.votes if vote.by != click.by))
        known = await self._authority.all_facts(
            # The default policy means the channel of the conversation, also where a rule posts the card elsewhere.
            [click.by, *voters],
            approval.home,
            _needed(review.governing, ruling.current, ruling.edited),
            click.at,
            patience,
        )
        return known[0][1], replace(ruling, voters=known[1:])

    async def _raise_if_behind(self, approval: Approval) -> None:
        """Raise _WaitError where an earlier message may answer this, and was not read yet."""
        if await self._earlier.waits(approval):
            raise _WaitError(approval, notices.BEHIND_WORDS, behind=True)

    async def _store(self, click: Click | Act, wait: "_WaitError") -> None:
        """Store a click until its person is looked up, or what came first is read."""
        what = f"{click.action}/{click.revision}/{click.choice}" if isinstance(click, Click) else click.doing
        key = f"{click.approval}/{click.by}/{what}/{click.at}"
        await self._lanes.put(Consider(click, wait.behind), f"consider/{key}")
        await self._defer_expiry(wait.approval, click)
        place = click.on.place if click.on is not None else wait.approval.place
        told = TellPerson(wait.approval.thread, place, click.by, wait.sentence)
        await self._lanes.put(told, f"considering/{key}")

    async def _defer_expiry(self, approval: Approval, click: Click | Act) -> None:
        """Keep a later click or a timer from ending the request before this click is decided."""
        until = (click.at or self._clock.now()) + CONSIDERED_WITHIN
        if approval.expires_at is not None and approval.expires_at <= until:
            await self._register.happened(approval.id, Deferred(until))

    async def withdraw_all(self, withdraw: Withdraw) -> None:
        """Withdraw the requests that somebody withdrew in words; idempotent."""
        told = False
        for each in withdraw.approvals:
            known = await self._approvals.get(each)
            if known is None or known.is_withdrawn:
                continue

            async def cancelled(_: Approval, *, beside: bool = told) -> Event:
                return Cancelled(withdraw.by, beside=beside)

            taken = await self._register.step(each, cancelled)
            told = told or (taken is not None and taken.refusal is None)

    async def may_decide_any(self, approvals: Iterable[Approval], user: UserId) -> Approval | None:
        """The first of these requests that a person may decide now."""
        for approval in approvals:
            current = await self._current(approval)
            facts = await self._authority.facts(user, approval.home, _needed_to_act(approval, current))
            if may_act(approval, user, facts, current) is None:
                return approval
        return None


class _WaitError(Exception):
    """Raised where a click on this approval has to wait: for sources that may still answer, or `behind` messages."""

    def __init__(self, approval: Approval, sentence: str, *, behind: bool = False) -> None:
        super().__init__(approval.id)
        self.approval = approval
        self.sentence = sentence
        self.behind = behind


def _late(event: Chose) -> tuple[Source, ...]:
    """The sources that may answer yet, of the person who clicked and of the voters before them."""
    everybody = (event.facts, *(facts for _, facts in event.ruling.voters))
    return tuple(dict.fromkeys(source for facts in everybody for source in facts.late))


def _refused_for_edit(approval: Approval, event: Chose) -> Refusal | None:
    """The refusal of somebody's own vote for the value that they make by an edit, if there is one."""
    if event.ruling.edited is None:
        return None
    return may_decide(event.ruling.edited, approval.requester, event.by, event.facts, approval.ask.subject)


def _raise_if_waiting(approval: Approval, refusal: Refusal | None, late: Collection[Source]) -> None:
    """Raise _WaitError where a source that may answer yet settles whether somebody is refused."""
    if isinstance(refusal, SourceUnknown) and any(each.source in late for each in refusal.failed):
        raise _WaitError(approval, notices.checking(late))


def _raise_if_counted_in_part(approval: Approval, event: Chose, taken: Step) -> None:
    """Raise _WaitError where a vote counts, and may fill another part, too, once a source answers."""
    if taken.refusal is not None or event.choice is Choice.REJECT:
        return
    review, late = taken.approval.reviews[event.action], event.facts.late
    vote = next((each for each in review.votes if each.by == event.by), None)
    if review.decision is None and vote is not None and may_fill_more(review.governing, vote, late):
        raise _WaitError(approval, notices.checking(late))


_REQUESTERS = frozenset({Doing.WITHDRAW, Doing.NUDGE})
"""Acts of the requester alone: they need no look-up."""


def _needed_to_act(approval: Approval, current: Iterable[Policy | None]) -> tuple[Source, ...]:
    governing = (review.governing for review in approval.reviews if review.decision is None)
    return tuple(dict.fromkeys((*(source for each in governing for source in each.sources), *sources_of(*current))))


def _needed(governing: Policy, current: Policy | None, edited: Policy | None) -> tuple[Source, ...]:
    return tuple(dict.fromkeys((*governing.sources, *sources_of(current, edited))))


def _value_of(approval: Approval, action: int) -> Json:
    return approval.reviews[action].value if 0 <= action < len(approval.reviews) else None
