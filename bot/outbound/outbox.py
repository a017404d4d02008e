"""Performs what the lanes hold: graph runs, cards, messages, timers.

Each effect may be delivered more than once, to this process or to another after this one died. So every branch looks
before it acts, and writes down what it did before it returns: when the work leaves its lane, nothing of it is left.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from bot.inbound.desk import NO_LONGER_ASKED, Desk
from bot.masking import concealed, masked
from bot.outbound.calling import Caller
from bot.outbound.drawing import Drawing
from bot.outbound.live import watching
from bot.outbound.posting import Posting
from bot.outbound.speech import Speech
from bot.telemetry import Metrics
from engine.approvals.approval import Approval, State
from engine.approvals.effects import (
    Call,
    ClearTimer,
    Consider,
    DrawCard,
    DrawCopies,
    DrawSheet,
    Effect,
    EndRun,
    GiveGrant,
    Hear,
    PassOn,
    Remind,
    Resume,
    Say,
    SetTimer,
    TakeBack,
    TellPerson,
    Timer,
    TimerFired,
    Travel,
    Withdraw,
)
from engine.approvals.events import Click, Delivered, Event, ExpiryDue, LadderDue, NotDelivered, Offered, ReminderDue
from engine.asks.ask import Choice
from engine.authority.policy import OnExpiry
from engine.conversation import (
    NOT_QUEUED,
    AnswerTo,
    Comment,
    Conversation,
    Explain,
    Hold,
    NewTurn,
    Undecided,
    Wait,
    has_room,
    meaning,
    offered_to,
)
from engine.ids import AgentName, MessageTs, ThreadId, thread_of
from engine.machine import sent_words, timers_of
from engine.ports import (
    UNWATCHED,
    Answer,
    Approvals,
    Chat,
    Clock,
    DeadLetter,
    Graphs,
    Held,
    Journey,
    Lanes,
    Later,
    Reply,
    Resumed,
    Stale,
    Standstill,
    Turn,
    WaitsForAnswerError,
    Watcher,
    Work,
)

log = structlog.get_logger(__name__)

CARD_ON_ITS_WAY = 0.2
"""Seconds until a message that arrived before its question's card is looked at again."""

CARD_OVERDUE = timedelta(minutes=1)
"""After this a message no longer waits for a card: what is behind it in its lane has to go on."""

STOPPING = 1.0
"""Seconds until work that a stopping process left is delivered again, to whoever serves then."""

HELD_UNSEEN = "{why} Until then nobody can decide your request. Your message is queued."
ASKED_UNSEEN = "{why} I have a question for you, and I'll post it there as soon as I can, together with your message."
DONE = "Done."
"""At the end of a turn that has nothing to say."""
WENT_BACK = "the conversation was restarted from an earlier step"
RESTARTED = "restarted from an earlier step."
PRESS = "Words don't count as a decision. To decide, use the buttons on the card{where}."
NOT_THEIRS = "Words don't count as a decision, and the request that waits here is for others to decide."
HELD = "Queued until the request above is decided."

_GIVEN_UP: Mapping[type[Effect], str] = {
    Hear: "I could not work on a message here.",
    Resume: "I could not pass a decision on to the agent.",
    Consider: "I could not find out whether somebody may decide a request here, so their click had no effect.",
    DrawCard: "I could not post or redraw a request here.",
    DrawSheet: "I could not post or redraw a list of requests here.",
    Travel: "I could not restart from an earlier step here.",
}
_REVIVABLE = "The bot's operator can see why and retry it."


@dataclass(frozen=True, slots=True)
class Ways:
    """How agents want their runs.

    `together` are those that get the answers of parallel interrupts all at once, `unseen` those whose words do not
    appear while they work.
    """

    together: frozenset[AgentName] = frozenset()
    unseen: frozenset[AgentName] = frozenset()


NO_WAYS = Ways()


@dataclass(slots=True)
class _Watched:
    """A run, who watches it, and its conversation with the live message that it has by now."""

    conversation: Conversation
    watcher: Watcher


class Outbox:
    """The handler of the lanes."""

    def __init__(  # noqa: PLR0913 - every port once, by keyword, from wiring alone
        self,
        *,
        desk: Desk,
        approvals: Approvals,
        lanes: Lanes,
        graphs: Graphs,
        chat: Chat,
        clock: Clock,
        metrics: Metrics,
        posting: Posting,
        caller: Caller,
        ways: Ways = NO_WAYS,
    ) -> None:
        self._ways = ways
        self._desk = desk
        self._approvals = approvals
        self._lanes = lanes
        self._graphs = graphs
        self._chat = chat
        self._clock = clock
        self._metrics = metrics
        self._caller = caller
        self._speech = Speech(desk, approvals, chat, posting, caller)
        self._drawing = Drawing(
            desk=desk, approvals=approvals, lanes=lanes, chat=chat, clock=clock, posting=posting, caller=caller
        )

    async def perform(self, work: Work) -> None:
        """Do one piece of work. Raises `Later` or whatever failed: then the lane delivers it again."""
        with structlog.contextvars.bound_contextvars(thread=work.lane.thread, work=work.id, attempt=work.attempt):
            await self._perform(work.effect, work)

    async def _perform(self, effect: Effect, work: Work) -> None:
        match effect:
            case Hear():
                await self._hear(effect, work)
            case Resume():
                await self._resume(effect, work)
            case EndRun(thread):
                await self._settle_again(thread, work)
            case PassOn(thread):
                await self._pass_on(thread, work)
            case Travel():
                await self._travel(effect, work)
            case Consider() | GiveGrant() | Withdraw():
                await self._follow(effect)
            case Call() | DrawCopies():
                await self._caller.perform(effect, work)
            case DrawCard() | DrawSheet():
                await self._drawing.draw(effect, work)
            case Remind() | Say() | TakeBack():
                await self._speech.perform(effect, work)
            case TellPerson(_, place, user, sentence):
                await self._chat.tell(place, user, sentence)
            case SetTimer(approval, timer, at):
                await self._lanes.set_timer(approval, timer, at)
            case ClearTimer(approval, timer):
                await self._lanes.clear_timer(approval, timer)
            case TimerFired():
                await self._time_has_come(effect, work)
            case _:
                assert_never(effect)

    async def _follow(self, effect: Consider | GiveGrant | Withdraw) -> None:
        """Do what is left to do of what a person did."""
        match effect:
            case Withdraw():
                await self._desk.withdraw_all(effect)
            case Consider(click):
                await self._desk.consider(click)
            case GiveGrant(approval, action):
                await self._desk.give_grant(approval, action)

    # Messages ---------------------------------------------------------------------------------------------------------

    async def _hear(self, heard: Hear, work: Work) -> None:
        conversation = await self._desk.conversation(heard.thread)
        approvals = await self._approvals.open(heard.thread) if conversation else ()
        match meaning(heard, conversation, approvals):
            case NewTurn():
                await self._take_turn(heard, conversation or self._begun(heard), work)
            case AnswerTo(approval):
                await self._answer(heard, approval)
            case Wait(since):
                await self._wait_for_card(heard, since, conversation, approvals, work)
            case Hold():
                await self._hold(heard, conversation, approvals, work)
            case Explain(sentence):
                await self._tell(heard, sentence)
            case Undecided(waiting):
                await self._point_to_card(heard, waiting)
            case Comment():
                pass

    async def _point_to_card(self, heard: Hear, waiting: Sequence[Approval]) -> None:
        """Words decide nothing: who may decide hears where to press, others only where they spoke to the bot."""
        found = await self._desk.may_decide_any(waiting, heard.user)
        if found is None and not heard.mentioned:
            return
        if found is None:
            await self._tell(heard, NOT_THEIRS)
            return
        elsewhere = found.place.channel != heard.place.channel
        await self._tell(heard, PRESS.format(where=f" in <#{found.place.channel}>" if elsewhere else ""))

    def _begun(self, heard: Hear) -> Conversation:
        if heard.agent is None:
            raise AssertionError("a conversation begins with an agent")
        direct = heard.place.channel.startswith("D")
        now = self._clock.now()
        return Conversation(heard.thread, heard.agent, heard.user, heard.place, direct, now, opened_by=heard.ts)

    async def _take_turn(self, heard: Hear, conversation: Conversation, work: Work) -> None:
        begins = conversation.opened_by == heard.ts
        conversation = replace(conversation, turn=heard.ts)
        await self._desk.keep(conversation, work.fence)
        turn = Turn(
            thread=conversation.thread,
            agent=conversation.agent,
            key=str(heard.ts),
            text=heard.opening if heard.opening and begins else heard.text,
            user=heard.user,
            channel=heard.place.channel,
            voids=None if begins else frozenset(),
        )
        try:
            async with self._watched(conversation, work) as watched:
                standstill = await self._fed(turn, work, watched.watcher)
            conversation = watched.conversation
        except WaitsForAnswerError:  # what it asks is not kept as an approval: people are asked first
            await self._settle_again(conversation.thread, work)
            kept, approvals = await self._desk.conversation(heard.thread), await self._approvals.open(heard.thread)
            await self._hold(heard, kept, approvals, work)
        else:
            await self._settle(conversation, standstill, work)

    async def _fed(self, turn: Turn, work: Work, watcher: Watcher) -> Standstill:
        """Feed a turn; where the graph still asks something, only that whose approvals ended is voided."""
        try:
            return await self._graphs.start(turn, work.fence, watcher)
        except WaitsForAnswerError as waits:
            over = await self._desk.over(turn.thread, waits.asked)
            if not over:
                raise
            return await self._graphs.start(replace(turn, voids=over), work.fence, watcher)

    async def _wait_for_card(
        self,
        heard: Hear,
        since: datetime,
        conversation: Conversation | None,
        approvals: Sequence[Approval],
        work: Work,
    ) -> None:
        if not await self._drawing.why(approvals) and self._clock.now() - since < CARD_OVERDUE:
            raise Later(CARD_ON_ITS_WAY)
        await self._hold(heard, conversation, approvals, work)

    async def _answer(self, heard: Hear, approval: Approval) -> None:
        click = Click(
            approval.id,
            action=0,
            revision=approval.reviews[0].revision,
            by=heard.user,
            choice=Choice.ANSWER,
            text=heard.text,
            said=heard.ts,
        )
        await self._desk.choose(click)

    async def _hold(
        self, heard: Hear, conversation: Conversation | None, approvals: Sequence[Approval], work: Work
    ) -> None:
        if conversation is None:
            raise AssertionError("nothing is open where there is no conversation")
        if all(each.ts != heard.ts for each in conversation.held):
            if not has_room(conversation, heard):
                await self._tell(heard, NOT_QUEUED.format(count=len(conversation.held)))
                return
            conversation = replace(conversation, held=(*conversation.held, heard))
            await self._desk.keep(conversation, work.fence)
        why = await self._drawing.why(approvals)
        await self._drawing.again(approvals, f"heard/{heard.ts}")
        offered = await self._offer(conversation, approvals)
        if why:
            await self._tell(heard, (ASKED_UNSEEN if offered else HELD_UNSEEN).format(why=why))
        elif not offered and any(each.state is State.PENDING for each in approvals):
            await self._tell(heard, HELD)

    async def _offer(self, conversation: Conversation, approvals: Sequence[Approval]) -> bool:
        """Show what is held on the card of the question that it may answer, if there is one."""
        found = offered_to(conversation, approvals)
        if found is None or not found[1]:
            return False
        question, words = found
        await self._desk.happened(question.id, Offered(words))
        return True

    async def _tell(self, heard: Hear, sentence: str) -> None:
        told = TellPerson(heard.thread, heard.place, heard.user, sentence)
        await self._lanes.put(told, f"told/{heard.place.channel}/{heard.ts}")

    @contextlib.asynccontextmanager
    async def _watched(self, conversation: Conversation, work: Work) -> AsyncIterator["_Watched"]:
        """One run of a graph, shown while it runs; a live message of a run that died is taken back before."""
        watched = _Watched(await self._taken_back(conversation, work), UNWATCHED)
        with self._metrics.run():
            if conversation.agent in self._ways.unseen:
                yield watched
                return

            async def posted(ts: MessageTs) -> None:
                watched.conversation = replace(watched.conversation, live=ts)
                await self._desk.keep(watched.conversation, work.fence)

            message = self._chat.live(conversation.place, conversation.requester)
            async with watching(message, posted) as watched.watcher:
                yield watched

    async def _taken_back(self, conversation: Conversation, work: Work) -> Conversation:
        """The conversation without a live message."""
        if conversation.live is None:
            return conversation
        taken_back = TakeBack(conversation.thread, conversation.place, conversation.live)
        await self._lanes.put(taken_back, f"taken-back/{conversation.place.channel}/{conversation.live}")
        conversation = replace(conversation, live=None)
        await self._desk.keep(conversation, work.fence)
        return conversation

    # Graphs -----------------------------------------------------------------------------------------------------------

    async def _resume(self, resume: Resume, work: Work) -> None:
        approval = await self._approvals.get(resume.approval)
        conversation = await self._desk.conversation(thread_of(resume.approval))
        if approval is None or conversation is None:
            log.error("nothing to resume: the approval or its conversation is no longer kept")
            return
        if sent := sent_words(approval):
            conversation = replace(conversation, held=tuple(each for each in conversation.held if each.ts not in sent))
            await self._desk.keep(conversation, work.fence)
        if approval.state is State.DECIDED:
            await self._deliver(await self._ready_beside(approval), conversation, work)
        else:  # delivered before, by a process that died before it could say what came of it
            await self._deliver_held(approval, work)
            await self._settle_again(conversation.thread, work)

    async def _ready_beside(self, approval: Approval) -> Sequence[Approval]:
        """The decided approvals that go to the graph now: by `resume: together` none before all are decided."""
        if approval.agent not in self._ways.together or approval.ask.may_recur:
            return [approval]
        siblings = [each for each in await self._approvals.open(approval.thread) if not each.ask.may_recur]
        if any(each.state is State.PENDING for each in siblings):
            return []
        return [each for each in siblings if each.state is State.DECIDED]

    async def _deliver(self, approvals: Sequence[Approval], conversation: Conversation, work: Work) -> None:
        if not approvals:
            return
        answers = [_answer_of(each) for each in approvals]
        async with self._watched(conversation, work) as watched:
            if len(answers) == 1:
                outcome = await self._graphs.resume_if_pending(answers[0], work.fence, watched.watcher)
                outcomes: Sequence[Resumed | Stale | Held] = [outcome]
            else:
                outcomes = await self._graphs.resume_together(answers, work.fence, watched.watcher)
        conversation = watched.conversation
        standstill = _rest_of(outcomes[-1])
        self._raise_when_stopped(standstill)
        for approval, outcome in zip(approvals, outcomes, strict=True):
            match outcome:
                case Resumed():
                    await self._desk.happened(approval.id, Delivered())
                case Stale(reason):
                    await self._desk.happened(approval.id, NotDelivered(masked(reason)))
                case Held():
                    log.info("an answer waits for the breakpoint beside it", approval=approval.id)
                case _:
                    assert_never(outcome)
        if isinstance(outcomes[-1], Held):  # sent at once it would be held again: it goes on past the breakpoint
            conversation = await self._tell_rest(conversation, standstill, work)
            await self._pass_words(conversation, work)
            return
        await self._deliver_held(approvals[0], work)
        await self._settle(conversation, standstill, work)

    async def _deliver_held(self, passed: Approval, work: Work) -> None:
        """What was decided while the thread stood at a breakpoint takes its turn when that is passed."""
        if passed.interrupt.startswith("breakpoint:"):
            await self._deliver_decided(passed.thread, passed.agent, work)

    async def _deliver_decided(self, thread: ThreadId, agent: AgentName, work: Work) -> None:
        """Put what is decided into the lane again; by `resume: together` it is sent where the run comes to rest."""
        if agent in self._ways.together:
            return
        for each in await self._approvals.open(thread):
            if each.state is State.DECIDED:
                await self._lanes.put(Resume(each.id), f"held/{each.id}/past/{work.id}")

    async def _travel(self, travel: Travel, work: Work) -> None:
        conversation = await self._desk.conversation(travel.thread)
        if conversation is None:
            return
        journey = Journey(
            thread=travel.thread,
            agent=conversation.agent,
            checkpoint=travel.checkpoint,
            edits=travel.edits,
            key=travel.key,
            user=travel.by,
        )
        async with self._watched(conversation, work) as watched:
            outcome = await self._graphs.travel(journey, work.fence, watched.watcher)
        conversation = watched.conversation
        standstill = _rest_of(outcome) if isinstance(outcome, Stale) else outcome
        self._raise_when_stopped(standstill)
        if not isinstance(outcome, Stale):
            await self._desk.say(conversation, RESTARTED, f"travel/{travel.key}", failed=False, by=travel.by)
        else:
            told = TellPerson(travel.thread, conversation.place, travel.by, masked(outcome.reason))
            await self._lanes.put(told, f"travel/{travel.key}")
        await self._deliver_decided(travel.thread, conversation.agent, work)  # what is held by a breakpoint there
        await self._settle(conversation, standstill, work, withdrawn=WENT_BACK)

    async def _settle_again(self, thread: ThreadId, work: Work) -> None:
        conversation = await self._desk.conversation(thread)
        if conversation is not None:
            standstill = await self._graphs.settle(thread, conversation.agent, work.fence)
            await self._settle(conversation, standstill, work)

    async def _settle(
        self, conversation: Conversation, standstill: Standstill, work: Work, withdrawn: str = NO_LONGER_ASKED
    ) -> None:
        """Tell the world where a run came to rest, and go on. May be done many times for the same rest."""
        conversation = await self._tell_rest(conversation, standstill, work, withdrawn)
        await self._go_on(conversation, work)

    async def _tell_rest(
        self, conversation: Conversation, standstill: Standstill, work: Work, withdrawn: str = NO_LONGER_ASKED
    ) -> Conversation:
        self._raise_when_stopped(standstill)
        conversation = await self._spoken(conversation, standstill, work)
        conversation = await self._taken_back(conversation, work)
        if standstill.error:
            await self._desk.say(conversation, masked(standstill.error), f"error/{work.id}", failed=True)
        await self._desk.reconcile(conversation, standstill, withdrawn)
        return conversation

    async def _spoken(self, conversation: Conversation, standstill: Standstill, work: Work) -> Conversation:
        """Say the reply, once; a turn that ends without one is not left in silence."""
        news = standstill.reply
        if news is None or news.key == conversation.said:
            if standstill.ended in ("", conversation.ended):
                return conversation
            news = Reply(DONE, f"done/{conversation.thread}/{standstill.ended}")
        await self._desk.say(
            conversation,
            concealed(news.text),
            news.key,
            speaker=news.speaker,
            failed=False,
            at=conversation.live,
        )
        said, ended = (standstill.reply or news).key, standstill.ended or conversation.ended
        conversation = replace(conversation, said=said, ended=ended, live=None)
        await self._desk.keep(conversation, work.fence)
        return conversation

    async def _go_on(self, conversation: Conversation, work: Work) -> None:
        """Send decisions that waited for what is over now, or else the words that were held."""
        if conversation.agent in self._ways.together:
            approvals = await self._approvals.open(conversation.thread)
            decided = next((each for each in approvals if each.state is State.DECIDED), None)
            if decided is not None:
                await self._deliver(await self._ready_beside(decided), conversation, work)
                return
        await self._pass_words(conversation, work)

    async def _pass_words(self, conversation: Conversation, work: Work) -> None:
        """Offer what was written meanwhile as an answer; where nothing is open, it takes its turn."""
        if await self._desk.is_open(conversation.thread):
            await self._offer(conversation, await self._approvals.open(conversation.thread))
        else:
            await self._release(conversation, work)

    @staticmethod
    def _raise_when_stopped(standstill: Standstill) -> None:
        if standstill.stopped:
            raise Later(STOPPING)

    async def _pass_on(self, thread: ThreadId, work: Work) -> None:
        conversation = await self._desk.conversation(thread)
        if conversation is not None:
            await self._go_on(conversation, work)

    async def _release(self, conversation: Conversation, work: Work) -> None:
        """What was held takes its turn: first in the lane, then out of the keeping."""
        for heard in conversation.held:
            await self._lanes.put(heard, f"held/{heard.place.channel}/{heard.ts}/after/{conversation.turn}")
        if conversation.held:
            await self._desk.keep(replace(conversation, held=()), work.fence)

    # What failed too often --------------------------------------------------------------------------------------------

    async def set_aside(self, letter: DeadLetter) -> None:
        """Tell the people of a conversation that something of theirs was given up; its operator can revive it."""
        self._metrics.set_aside()
        log.error("work was set aside", letter=letter.id, lane=str(letter.lane), error=letter.error)
        text = _GIVEN_UP.get(type(letter.effect))
        if text is not None:
            await self._say_failed(letter.lane.thread, f"{text} {_REVIVABLE}", f"given-up/{letter.id}")

    async def _say_failed(self, thread: ThreadId, text: str, key: str) -> None:
        conversation = await self._desk.conversation(thread)
        if conversation is not None:
            await self._desk.say(conversation, text, key, failed=True)

    async def _time_has_come(self, fired: TimerFired, work: Work) -> None:
        known = await self._approvals.get(fired.approval)
        if known is None:
            return
        if fired.timer is Timer.REDRAW:
            await self._drawing.again_by_timer(known, work)
        elif fired.timer is Timer.CALL:
            await self._lanes.put(Call(known.id, known.sheet), f"call/{work.id}")
        elif known.state is State.PENDING and (again := self._too_early(known, fired)) is not None:
            await self._lanes.set_timer(known.id, fired.timer, again)
        elif known.state is State.PENDING:
            await self._desk.happened(known.id, await self._due(known, fired.timer))

    def _too_early(self, approval: Approval, fired: TimerFired) -> datetime | None:
        """When a timer that fired before its time has to fire, as the clock of the process that fired it shows that.

        It was put off meanwhile: then at its new time. Or that clock is ahead of this one, or was set back: then as
        much later as it is early. It would be taken for the same timer if it were set to the same time again.
        """
        due, now = dict(timers_of(approval)).get(fired.timer), self._clock.now()
        if due is None or due <= now:
            return None
        at = fired.at or due
        return due if at < due else at + (due - now)

    async def _due(self, approval: Approval, timer: Timer) -> Event:
        match timer:
            case Timer.REMIND:
                return ReminderDue()
            case Timer.ESCALATE:
                return LadderDue(await self._desk.empty_rungs(approval))
            case _ if approval.deadlines.on_expiry is OnExpiry.ESCALATE:
                return ExpiryDue(await self._desk.empty_rungs(approval))
            case _:
                return ExpiryDue()


def _rest_of(outcome: Resumed | Stale | Held) -> Standstill:
    """Where the thread stands. Where nothing was sent no turn has come to its end."""
    return replace(outcome.standstill, ended="") if isinstance(outcome, Stale) else outcome.standstill


def _answer_of(approval: Approval) -> Answer:
    return Answer(
        thread=approval.thread,
        agent=approval.agent,
        interrupt=approval.interrupt,
        digest=approval.digest,
        ask=approval.ask,
        decisions=approval.decisions,
        key=approval.id,
        by=approval.deciders,
    )
