"""Where people's clicks and messages come in, and where the graph's questions go out.

The desk is the only writer of approvals. It never decides anything itself: it fetches what `engine.machine.step` needs,
steps, and writes what follows in one atomic change; whoever loses the race of that write steps again on what now
stands. Nothing here waits for a graph or draws a card: that is done from the lanes, by `bot.outbound.outbox`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot import concealment
from bot.inbound.agents import Agents
from bot.masking import masked
from bot.rules.authority import AT_ONCE, WITH_PATIENCE, Authority, sources_of
from bot.rules.granting import Granting
from bot.rules.in_force import Rules
from bot.telemetry import Metrics
from engine.approvals.approval import OPEN, Approval, Place, Replaced, State, open_reviews
from engine.approvals.effects import Consider, Hear, Say, TellPerson, Withdraw
from engine.approvals.events import (
    Act,
    AskedAgain,
    Automatic,
    Cancelled,
    CardDeleted,
    Chose,
    Click,
    CopyGone,
    Deferred,
    Doing,
    Event,
    NotDelivered,
    Opened,
    Revoked,
    Ruling,
    Withdrew,
)
from engine.approvals.voting import may_fill_more
from engine.asks.ask import MOST_BYTES, Ask, Choice, Decision, Json, Kind, Problem, size_of
from engine.authority.policy import CHANNEL, Facts, Policy, Standing, escalated, may_decide, may_open, unreachable
from engine.conversation import Conversation, cancels, thread_id, withdrawn_by
from engine.ids import ApprovalId, ChannelId, InterruptId, MessageTs, SheetId, ThreadId, UserId, approval_id, sheet_id
from engine.machine import Step, is_on_card, may_act, outcome_of, step
from engine.ports import (
    Approvals,
    Asked,
    Change,
    Clock,
    Conversations,
    Graphs,
    Lanes,
    Roster,
    Said,
    Standstill,
    Unless,
)
from engine.rules.grants import Grant
from engine.rules.routing import Route, route
from engine.sentences.refusals import Closed, Refusal, ShownInPart, SourceUnknown, spoken
from engine.sources import Source

MOST_RACES = 50
"""How often a lost race of writes is run again: each loss means that somebody else's write won."""

CONSIDERED_WITHIN = timedelta(seconds=30)
"""A click that was kept is decided by then, where nothing is wrong."""
MOST_CARDS = 5
"""Requests that a thread asks at once and that get a card each; more of them share a sheet."""
SHEET_ROWS = 20
"""The most requests on one sheet."""

UNREACHABLE = (
    "The rule for this request asks for more approvers than are left when you ask for it yourself: it can only be "
    "rejected. Ask somebody else to make the request."
)
RUN_STOPPED = "another request of this run was rejected, and that stopped the run"
RUN_WITHDRAWN = "another request of this run was withdrawn, and that stopped the run"
GRANT_OVER = "This was over already: calls like it ask for approval again."
GRANT_REVOKED = "Done: calls like this ask for approval again."
CHANGED_SINCE = "the agent changed its request after that, so nothing was run"
NO_LONGER_ASKED = "the agent no longer asks this"
TOO_LARGE = (
    "The agent's request has {size:,} bytes, and a request can have at most {most:,}. "
    "Nobody was asked to decide it, and nothing was approved. Send a new message to go on."
)
STRANGER = "Only members of this workspace can talk to agents here."
NOT_KNOWN = (
    "Couldn't check with Slack whether you are a member of this workspace, so the agent did not get your message. "
    "Please send it again in a moment."
)


class Desk:
    """Takes clicks, messages and the questions of graphs; implements `engine.ports.Desk`."""

    def __init__(  # noqa: PLR0913 - every port once, by keyword, from wiring alone
        self,
        *,
        approvals: Approvals,
        conversations: Conversations,
        lanes: Lanes,
        graphs: Graphs,
        roster: Roster,
        authority: Authority,
        clock: Clock,
        agents: Agents,
        rules: Rules,
        granting: Granting,
        metrics: Metrics,
    ) -> None:
        self._approvals = approvals
        self._conversations = conversations
        self._lanes = lanes
        self._graphs = graphs
        self._roster = roster
        self._authority = authority
        self._clock = clock
        self._agents = agents
        self._rules = rules
        self._granting = granting
        self._metrics = metrics

    # People -----------------------------------------------------------------------------------------------------------

    async def look(self, approval: ApprovalId) -> Approval | None:
        """The approval as it stands."""
        return await self._approvals.get(approval)

    def shown(self, approval: Approval) -> Approval:
        """The approval as people see it: without secrets."""
        return concealment.shown(approval)

    async def choose(self, choice: Click, unless: Unless | None = None) -> Refusal | None:
        """Take a click or a submitted form: durable when this returns (P1). None: it counted.

        Where `unless` holds of the approval as it stands, nothing is written.

        Raises what the store raises: then nothing was written either, and the caller must not tell Slack "ok".
        """
        came = self._clock.now()
        with self._metrics.ack():
            return await self._kept_if_late(choice, self._choose(choice, AT_ONCE, unless), came)

    async def act(self, act: Act) -> Refusal | None:
        """Take what a person does with a request besides deciding it: durable when this returns. None: it counted."""
        came = self._clock.now()
        with self._metrics.ack():
            return await self._kept_if_late(act, self._act(act, AT_ONCE), came)

    async def withdraw(self, approval: ApprovalId, by: UserId) -> Refusal | None:
        """Take back a request, as its requester: durable when this returns. None: it is withdrawn, its run stops."""
        return await self.act(Act(approval, by, Doing.WITHDRAW))

    async def give_grant(self, approval: ApprovalId, action: int) -> None:
        """Keep the grant that was given with an approval; may be done many times."""
        known = await self._approvals.get(approval)
        if known is not None:
            await self._granting.give(known, action)

    async def revoke(self, grant: Grant, by: UserId) -> bool:
        """Take a grant back, whoever may: durable when this returns. False: it was over already."""
        revoked = await self._granting.revoke(grant, by)
        if revoked:
            await self.happened(grant.approval, Revoked(grant.id, by))
        return revoked

    async def disallow(self, approval: ApprovalId, by: UserId) -> str:
        """Take back the grants that an approval tells of, by its card; says what came of it.

        They who gave one may, the requester, and everybody who might have given it: nothing is wider for it.
        """
        known = await self._approvals.get(approval)
        found = () if known is None else await self._granting.of(known)
        if known is None or not found:
            return GRANT_OVER
        for grant in found:
            refusal = await self._may_disallow(known, grant, by)
            if refusal is not None:
                return refusal.sentence
            await self.revoke(grant, by)
        return GRANT_REVOKED

    async def _may_disallow(self, approval: Approval, grant: Grant, by: UserId) -> Refusal | None:
        if by in (approval.requester, *grant.by):
            return None
        policy = escalated(grant.policy, len(grant.policy.ladder))
        facts = await self._authority.facts(by, approval.home, policy.sources)
        return may_decide(policy, approval.requester, by, facts, approval.ask.subject)

    async def consider(self, click: Click | Act) -> None:
        """Decide what follows from a click that was kept, as of its own time."""
        taken = self._choose(click, WITH_PATIENCE) if isinstance(click, Click) else self._act(click, WITH_PATIENCE)
        self._counted(click, await taken)

    async def _kept_if_late(self, click: Click | Act, taking: Awaitable[Step | None], came: datetime) -> Refusal | None:
        try:
            return self._counted(click, await taking)
        except _LateError as late:
            await self._keep(replace(click, at=came), late)
            return None

    def _counted(self, click: Click | Act, taken: Step | None) -> Refusal | None:
        refusal = taken.refusal if taken else Closed("it is no longer kept")
        what = click.choice if isinstance(click, Click) else click.doing
        self._metrics.clicked(what.value, refusal.code if refusal else "counted")
        return refusal

    async def _choose(self, choice: Click, patience: float, unless: Unless | None = None) -> Step | None:
        """Step by a click. Raises _LateError where it has to be kept; then nothing was written."""

        async def chose(approval: Approval) -> Event | Refusal:
            if unless is not None and await unless(approval):
                return ShownInPart()
            sent = replace(choice, value=concealment.restored(choice.value, _value_of(approval, choice.action)))
            facts, ruling = await self._known(approval, sent, patience)
            event = sent.chose(facts, ruling)
            late = _late(event)
            if late and choice.at is None:
                taken = step(approval, event, self._clock.now())
                _raise_if_waiting(approval, taken.refusal or _refused_for_edit(approval, event), late)
                _raise_if_counted_in_part(approval, event, taken)
            return event

        return await self._step(choice.approval, chose)

    async def _act(self, act: Act, patience: float) -> Step | None:
        """Step by an act. Raises _LateError where it has to be kept; then nothing was written."""

        async def acted(approval: Approval) -> Event:
            nobody = Facts(Standing.UNKNOWN)
            if act.doing in _REQUESTERS or approval.state is not State.PENDING:
                return act.event(nobody, nobody, ())
            current = await self._current(approval)
            people = [act.by] if act.to is None else [act.by, act.to]
            known = await self._authority.all_facts(
                people, approval.home, _needed_to_act(approval, current), act.at, patience
            )
            if act.at is None:
                for user, facts in known:
                    _raise_if_waiting(approval, may_act(approval, user, facts, current), facts.late)
            return act.event(known[0][1], known[-1][1], current)

        return await self._step(act.approval, acted)

    async def _current(self, approval: Approval) -> tuple[Policy | None, ...]:
        """The policies of today for its actions, as in `Ruling`."""
        return tuple([await self._rules.current(approval, place) for place in range(len(approval.reviews))])

    async def _keep(self, click: Click | Act, late: "_LateError") -> None:
        """Keep a click, durably, until its person is looked up."""
        what = f"{click.action}/{click.revision}/{click.choice}" if isinstance(click, Click) else click.doing
        key = f"{click.approval}/{click.by}/{what}/{click.at}"
        await self._lanes.put(Consider(click), f"consider/{key}")
        await self._defer_expiry(late.approval, click)
        place = click.on.place if click.on is not None else late.approval.place
        told = TellPerson(late.approval.thread, place, click.by, late.sentence)
        await self._lanes.put(told, f"considering/{key}")

    async def _defer_expiry(self, approval: Approval, click: Click | Act) -> None:
        """Keep a later click or a timer from ending the request before this click is decided."""
        until = (click.at or self._clock.now()) + CONSIDERED_WITHIN
        if approval.expires_at is not None and approval.expires_at <= until:
            await self.happened(approval.id, Deferred(until))

    async def withdraw_all(self, withdraw: Withdraw) -> None:
        """Take back what somebody took back in words; may be done many times."""
        told = False
        for each in withdraw.approvals:
            known = await self._approvals.get(each)
            if known is None or known.withdrawn_by is not None:
                continue

            async def cancelled(_: Approval, *, beside: bool = told) -> Event:
                return Cancelled(withdraw.by, beside=beside)

            taken = await self._step(each, cancelled)
            told = told or (taken is not None and taken.refusal is None)

    async def may_decide_any(self, approvals: Iterable[Approval], user: UserId) -> Approval | None:
        """The first of these requests that a person may decide now, for who says a decision in words."""
        for approval in approvals:
            current = await self._current(approval)
            facts = await self._authority.facts(user, approval.home, _needed_to_act(approval, current))
            if may_act(approval, user, facts, current) is None:
                return approval
        return None

    async def hear(self, said: Said) -> None:
        """Take a message: durable when this returns. The same message delivered twice is taken once.

        https://docs.slack.dev/reference/events/app_mention - a mention in a channel arrives as a `message` too.
        """
        under = await self._card_above(said)
        if under is not None:
            said = replace(said, place=replace(said.place, thread_ts=None))
        thread = thread_id(said.place)
        if not said.mentioned and not said.direct and await self._conversations.get(thread) is None:
            return  # people talking among themselves
        key = f"message/{said.place.channel}/{said.ts}"
        sentence = await self._why_not_heard(said)
        if sentence:
            if said.mentioned or said.direct:
                await self._lanes.put(TellPerson(thread, said.place, said.user, sentence), key)
            return
        open_ones = await self._approvals.open(thread) if cancels(said.text) else ()
        if withdrawn := withdrawn_by(said.user, open_ones):
            await self._lanes.put(Withdraw(thread, withdrawn, said.user), key)
            return
        start = self._agents.start(said)
        mentioned = said.mentioned or said.direct
        heard = Hear(
            thread=thread,
            place=said.place,
            user=said.user,
            text=said.text,
            ts=said.ts,
            agent=start.agent,
            mentioned=mentioned,
            help=start.help,
            opening=start.opening,
            under=under,
        )
        await self._lanes.put(heard, key)

    async def _why_not_heard(self, said: Said) -> str:
        """What a person who may not talk to agents here is told; "" for one who may.

        Only the roster knows whether somebody whose message names another team belongs to this workspace.
        """
        if said.team == said.place.team:
            return ""
        facts = await self._roster.facts(said.user, said.place, membership=False)
        match facts.standing:
            case Standing.STRANGER | Standing.VISITOR:
                return STRANGER
            case Standing.UNKNOWN:
                return NOT_KNOWN
            case _:
                return ""

    async def _card_above(self, said: Said) -> MessageTs | None:
        """The card at the root of a direct message whose thread this was written in, if it is one's."""
        if not said.direct or said.place.thread_ts is None:
            return None
        root = thread_id(replace(said.place, thread_ts=None))
        return said.place.thread_ts if await self._approvals.by_card(root, said.place.thread_ts) else None

    def problems(self, approval: Approval, click: Click) -> Sequence[Problem]:
        """What is wrong with a submitted value, field by field; nothing where it can be sent to the graph."""
        if not 0 <= click.action < len(approval.ask.actions):
            return ()  # refused by the machine, with a sentence
        original = approval.reviews[click.action].value
        schema = approval.ask.actions[click.action].schema
        kept_back = concealment.problems(click.value, original, None if schema is None else dict(schema))
        if kept_back:
            return kept_back
        option = approval.ask.actions[click.action].option(click.option)
        value = concealment.restored(click.value, original)
        decision = Decision(click.choice, value, click.text, option.word if option else "")
        return self._graphs.problems(approval.agent, approval.ask, click.action, decision)

    async def _known(self, approval: Approval, click: Click, patience: float) -> tuple[Facts, Ruling]:
        """What the policy needs to know of a person, and no more: each look-up may be a call to Slack."""
        nothing = Facts(Standing.UNKNOWN), Ruling()
        if approval.state is not State.PENDING or not 0 <= click.action < len(approval.reviews):
            return nothing  # refused whoever it is
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

    async def empty_rungs(self, approval: Approval) -> frozenset[tuple[int, int]]:
        """The steps to come of its ladders with nobody on them now, each as (action, step)."""
        steps = {
            (place, number): rung.sources
            for place, review in enumerate(approval.reviews)
            if review.decision is None
            for number, rung in enumerate(review.policy.ladder)
            if number >= review.escalated and CHANNEL not in rung.sources
        }
        found = await asyncio.gather(*(self._authority.people(each, WITH_PATIENCE) for each in steps.values()))
        return frozenset(step for step, (people, _) in zip(steps, found, strict=True) if not people)

    async def card_deleted(self, approval: ApprovalId, channel: ChannelId, card: MessageTs) -> None:
        """Somebody deleted a message that showed an approval: a pending one gets its card back, and no copy."""
        known = await self._approvals.get(approval)
        if known is None:
            return
        if known.place.channel == channel:
            await self.happened(approval, CardDeleted(card))
        elif any((each.channel, each.card) == (channel, card) for each in known.copies):
            await self.happened(approval, CopyGone(card))

    # Events of our own ------------------------------------------------------------------------------------------------

    async def happened(self, approval: ApprovalId, event: Event) -> None:
        """Something happened to an approval: a card was posted, a deadline passed, an answer was delivered.

        May be told many times; an approval that is no longer kept is passed over.
        """

        async def same(_: Approval) -> Event:
            return event

        await self._step(approval, same)

    async def _step(
        self, approval: ApprovalId, event_for: Callable[[Approval], Awaitable[Event | Refusal]]
    ) -> Step | None:
        """Read, step and write, again for each lost race. None: there is no such approval.

        Where there is a refusal in place of an event, nothing happened and nothing is written.
        """
        for _ in range(MOST_RACES):
            before = await self._approvals.get(approval)
            if before is None:
                return None
            event = await event_for(before)
            if isinstance(event, Refusal):
                return Step(before, refusal=event)
            taken = step(before, event, self._clock.now())
            if await self._write(before, taken):
                return taken
        raise RuntimeError(f"{approval} was written by others {MOST_RACES} times in a row")

    async def reconcile(
        self, conversation: Conversation, standstill: Standstill, withdrawn: str = NO_LONGER_ASKED
    ) -> None:
        """Compare what the graph asks with the approvals that we know, create what is new, withdraw what is gone.

        `withdrawn` says why on the cards of what is gone. May run at any time from the thread's `run` lane, any number
        of times.
        """
        found = await self._askable(conversation, await self._found(conversation.thread, standstill.asked))
        asked = {each.id: _shown(each.asked) for each in found}
        known = {each.id: each.approval for each in found if each.approval is not None}
        stopping = [each for each in known.values() if each.state is State.STOPPED]
        if stopping:
            why = RUN_WITHDRAWN if any(each.withdrawn_by for each in stopping) else RUN_STOPPED
            await self._end_beside(await self._approvals.open(conversation.thread), why)
            return
        routes = await self._routes(conversation, asked)
        sheets = _sheets(asked, routes, {each: approval.sheet for each, approval in known.items()})
        for each, question in asked.items():
            if each not in known:
                replaced = await self._replaced(conversation.thread, question)
                sheet = sheets.get(each, SheetId(""))
                await self._open(each, question, conversation, routes[each], sheet, replaced)
            elif known[each].state in (State.WITHDRAWN, State.UNDELIVERABLE):
                replaced = await self._replaced(conversation.thread, question)
                again = routes[each]
                automatic = _if_any(again.automatic)
                event = AskedAgain(again.policies, again.edition, replaced, automatic, again.deadlines, again.calling)
                await self.happened(each, event)
        for approval in await self._approvals.open(conversation.thread):
            if approval.id not in asked and approval.state is State.PENDING and standstill.complete:
                await self.happened(approval.id, Withdrew(withdrawn))

    async def _routes(
        self, conversation: Conversation, asked: Mapping[ApprovalId, Asked]
    ) -> Mapping[ApprovalId, Route]:
        if not asked:
            return {}
        place, requester = conversation.place, conversation.requester
        book = self._rules.book  # which may be replaced while we wait
        known = await self._rules.circumstances(book, conversation.agent, place, requester, self._clock.now())
        routes = {each: route(question.ask, conversation, book, known) for each, question in asked.items()}
        return {each: replace(found, edition=self._rules.edition_of(book)) for each, found in routes.items()}

    async def _askable(self, conversation: Conversation, found: Sequence["_Found"]) -> Sequence["_Found"]:
        """What is not too large to be asked. The rest ends here as the agent's failure, and new input voids it."""
        for each in found:
            if each.is_too_large:
                sentence = TOO_LARGE.format(size=size_of(each.asked.ask), most=MOST_BYTES)
                await self.say(conversation, sentence, f"too-large/{each.id}", failed=True)
        return [each for each in found if not each.is_too_large]

    async def over(self, thread: ThreadId, asked: Sequence[Asked]) -> frozenset[InterruptId]:
        """Those of what a graph still asks whose approvals ended: new input may void them.

        What a run came to ask after a rejection stopped it was never put to anybody, and is over with it.
        """
        found = await self._found(thread, asked)
        stopped = any(each.approval is not None and each.approval.state is State.STOPPED for each in found)
        never = [each for each in found if each.approval is None and (stopped or each.is_too_large)]
        ended = [each for each in found if each.approval is not None and each.approval.state not in OPEN]
        return frozenset(each.asked.interrupt for each in (*ended, *never))

    async def _found(self, thread: ThreadId, asked: Sequence[Asked]) -> Sequence["_Found"]:
        """What is asked, with its ids and the approvals that are kept of it."""
        first = [approval_id(thread, each.interrupt, each.digest) for each in asked]
        known = {each.id: each for each in await self._approvals.known(first)} if first else {}
        found = [_Found(id, each, known.get(id)) for id, each in zip(first, asked, strict=True)]  # noqa: A001 - they are
        return [await self._latest(thread, each) if each.went_on else each for each in found]

    async def _latest(self, thread: ThreadId, first: "_Found") -> "_Found":
        """What comes back after people let the graph go on is asked anew, with a card of its own.

        It may have come back hundreds of times: the number is doubled until it is too high, and then halved.
        """
        asked, low, jump = first.asked, 0, 1
        latest = await self._again(thread, asked, low + jump)
        while latest.went_on:
            low, jump = low + jump, jump * 2
            latest = await self._again(thread, asked, low + jump)
        while jump > 1:
            jump //= 2
            between = await self._again(thread, asked, low + jump)
            if between.went_on:
                low += jump
            else:
                latest = between
        return latest

    async def _again(self, thread: ThreadId, asked: Asked, again: int) -> "_Found":
        each = approval_id(thread, asked.interrupt, asked.digest, again)
        return _Found(each, asked, await self._approvals.get(each))

    async def _replaced(self, thread: ThreadId, asked: Asked) -> Replaced | None:
        """What was decided before the graph changed its request; its card says that it came to nothing."""
        if not asked.instead_of:
            return None
        self._metrics.changed()
        before = await self._approvals.get(approval_id(thread, asked.interrupt, asked.instead_of))
        if before is None:
            return Replaced("decided", (), ())
        if before.state is State.DELIVERED:  # an earlier one of the same step, whose answer the graph had already
            await self.happened(before.id, NotDelivered(CHANGED_SINCE))
        return Replaced(outcome_of(before), before.deciders, tuple(review.value for review in before.reviews))

    async def _end_beside(self, approvals: Iterable[Approval], why: str) -> None:
        """The run was stopped: nobody decides anything else of it, and nothing more is sent to the graph."""
        for approval in approvals:
            if approval.state is State.PENDING:
                await self.happened(approval.id, Withdrew(why))
            elif approval.state is State.DECIDED:
                await self.happened(approval.id, NotDelivered(why))

    async def is_open(self, thread: ThreadId) -> bool:
        """Whether anything in a thread still waits for people, or for its way to the graph, and holds new input."""
        return any(approval.holds for approval in await self._approvals.open(thread))

    async def sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet as people see them, oldest first."""
        return [concealment.shown(each) for each in await self._approvals.of_sheet(thread, sheet)]

    async def _open(
        self,
        approval: ApprovalId,
        asked: Asked,
        conversation: Conversation,
        routed: Route,
        sheet: SheetId,
        replaced: Replaced | None,
    ) -> None:
        opened = Approval(
            id=approval,
            thread=conversation.thread,
            agent=conversation.agent,
            interrupt=asked.interrupt,
            digest=asked.digest,
            ask=asked.ask,
            deadlines=routed.deadlines,
            requester=conversation.requester,
            home=conversation.place,
            place=routed.place,
            created_at=self._clock.now(),
            reviews=open_reviews(asked.ask, routed.policies),
            sheet=sheet,
            replaced=replaced,
            calling=routed.calling,
            edition=routed.edition,
        )
        automatic = await self._granting.automatic(approval, asked, conversation, routed)
        taken = step(opened, Opened(_if_any(automatic)), self._clock.now())
        if await self._approvals.create(Change(taken.approval, taken.effects, taken.entries)):
            await self._lanes.ring(taken.effects)
            self._metrics.opened(asked.ask.kind.value)
            if asked.ask.caught:
                self._metrics.changed()
        waiting = [review for review in taken.approval.reviews if review.decision is None]
        if any(unreachable(review.policy, opened.requester) for review in waiting):
            await self.say(conversation, UNREACHABLE, f"unreachable/{approval}", failed=True)

    async def say(
        self,
        conversation: Conversation,
        text: str,
        key: str,
        *,
        speaker: str = "",
        failed: bool,
        at: MessageTs | None = None,
        by: UserId | None = None,
    ) -> None:
        """Let the agent speak in its conversation, once for each `key`; `at`: in the place of a live message."""
        said = Say(conversation.thread, conversation.place, text, key, speaker, failed, at, by)
        await self._lanes.put(said, f"say/{key}")

    async def conversation(self, thread: ThreadId) -> Conversation | None:
        """The conversation of a thread."""
        return await self._conversations.get(thread)

    async def keep(self, conversation: Conversation, fence: int) -> None:
        """Write a conversation down; only from its thread's `run` lane, with that lane's fence."""
        await self._conversations.save(conversation, fence)

    async def _write(self, before: Approval, taken: Step) -> bool:
        touches = taken.approval != before
        if not touches and not taken.effects and not taken.entries:
            return True  # nothing follows from it
        change = Change(taken.approval, taken.effects, taken.entries, touches=touches)
        if not await self._approvals.save(change):
            return False
        await self._lanes.ring(taken.effects)
        if before.state is State.PENDING and taken.approval.state is not State.PENDING:
            self._metrics.closed(_outcome(taken.approval))
        return True


@dataclass(frozen=True, slots=True)
class _Found:
    """Something that a graph asks, the id that its approval has or will have, and the approval, if one is kept."""

    id: ApprovalId
    asked: Asked
    approval: Approval | None

    @property
    def went_on(self) -> bool:
        """Whether people let the graph go on from this halt: it came back since."""
        return self.asked.ask.may_recur and self.approval is not None and _went_on(self.approval)

    @property
    def is_too_large(self) -> bool:
        """Whether nobody can be asked this."""
        return self.approval is None and size_of(self.asked.ask) > MOST_BYTES


class _LateError(Exception):
    """Whether a click on this approval counts depends on sources that did not answer yet."""

    def __init__(self, approval: Approval, late: Iterable[Source]) -> None:
        super().__init__(approval.id)
        self.approval = approval
        self.sentence = (
            f"Checking {spoken(late).replace('whoever', 'who')}. Your click is kept: you'll hear in a moment."
        )


def _late(event: Chose) -> tuple[Source, ...]:
    """The sources that may answer yet, of the person who clicked and of the voters before them."""
    everybody = (event.facts, *(facts for _, facts in event.ruling.voters))
    return tuple(dict.fromkeys(source for facts in everybody for source in facts.late))


def _refused_for_edit(approval: Approval, event: Chose) -> Refusal | None:
    """Why somebody's own vote would not count for the value that they make by an edit."""
    if event.ruling.edited is None:
        return None
    return may_decide(event.ruling.edited, approval.requester, event.by, event.facts, approval.ask.subject)


def _raise_if_waiting(approval: Approval, refusal: Refusal | None, late: Collection[Source]) -> None:
    """Raise _LateError where a source that may answer yet settles whether somebody is refused."""
    if isinstance(refusal, SourceUnknown) and any(each.source in late for each in refusal.failed):
        raise _LateError(approval, late)


def _raise_if_counted_in_part(approval: Approval, event: Chose, taken: Step) -> None:
    """Raise _LateError where a vote counts, and may fill another part, too, once a source answers."""
    if taken.refusal is not None or event.choice is Choice.REJECT:
        return
    review, late = taken.approval.reviews[event.action], event.facts.late
    vote = next((each for each in review.votes if each.by == event.by), None)
    if review.decision is None and vote is not None and may_fill_more(review.governing, vote, late):
        raise _LateError(approval, late)


_REQUESTERS = frozenset({Doing.WITHDRAW, Doing.NUDGE})
"""Acts of the requester alone: they need no look-up."""


def _needed_to_act(approval: Approval, current: Iterable[Policy | None]) -> tuple[Source, ...]:
    governing = (review.governing for review in approval.reviews if review.decision is None)
    return tuple(dict.fromkeys((*(source for each in governing for source in each.sources), *sources_of(*current))))


def _needed(governing: Policy, current: Policy | None, edited: Policy | None) -> tuple[Source, ...]:
    return tuple(dict.fromkeys((*governing.sources, *sources_of(current, edited))))


def _if_any(automatic: tuple[Automatic | None, ...]) -> tuple[Automatic | None, ...]:
    return automatic if any(automatic) else ()


def _value_of(approval: Approval, action: int) -> Json:
    return approval.reviews[action].value if 0 <= action < len(approval.reviews) else None


def _went_on(approval: Approval) -> bool:
    if approval.state is not State.DELIVERED:
        return False
    return all(review.decision and review.decision.choice is not Choice.REJECT for review in approval.reviews)


def _shown(asked: Asked) -> Asked:
    """What the graph raised may hold a secret of the bot's own; the digest stays that of what was raised."""
    if asked.ask.kind is not Kind.FAILURE:
        return asked
    actions = tuple(replace(each, description=masked(each.description)) for each in asked.ask.actions)
    return replace(asked, ask=replace(asked.ask, prompt=masked(asked.ask.prompt), actions=actions))


def _sheets(
    asked: Mapping[ApprovalId, Asked], routes: Mapping[ApprovalId, Route], known: Mapping[ApprovalId, SheetId]
) -> Mapping[ApprovalId, SheetId]:
    """Which requests share a message: the simple ones of one place, where too many are new for a card each.

    Made of all that is asked, not of what is new: a process that dies half-way is followed by one that agrees.
    """
    places: dict[Place, list[ApprovalId]] = {}
    for each, question in asked.items():
        if _fits_a_row(question.ask) and not question.instead_of and not any(routes[each].automatic):
            places.setdefault(routes[each].place, []).append(each)
    found: dict[ApprovalId, SheetId] = {}
    for approvals in places.values():
        many = sum(each not in known for each in approvals) > MOST_CARDS
        for start in range(0, len(approvals), SHEET_ROWS):
            rows = approvals[start : start + SHEET_ROWS]
            sheet = sheet_id(rows)
            if many or any(known.get(each) == sheet for each in rows):
                found |= dict.fromkeys(rows, sheet)
    return found


def _fits_a_row(ask: Ask) -> bool:
    return len(ask.actions) == 1 and not ask.may_recur


def _outcome(approval: Approval) -> str:
    return outcome_of(approval) if approval.state is State.DECIDED else approval.state.value
