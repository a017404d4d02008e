"""Runs graphs: takes turns, delivers answers, restarts from checkpoints, and reports where each run came to rest.

Work may be delivered more than once: each method checks what is stored before it acts, and stores what it did before
it returns.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import structlog

from bot.approvals.reconciler import NO_LONGER_ASKED, Reconciler
from bot.approvals.register import Register
from bot.masking import concealed, masked
from bot.outbound.live import watching
from bot.telemetry import Metrics
from engine.approvals.approval import Approval, State
from engine.approvals.effects import Hear, Resume, TakeBack, TellPerson, Travel
from engine.approvals.events import Delivered, NotDelivered, Offered
from engine.conversation import Conversation, offered_to
from engine.ids import AgentName, MessageTs, ThreadId, thread_of
from engine.machine import sent_words
from engine.ports import (
    UNWATCHED,
    Answer,
    Approvals,
    Chat,
    Graphs,
    Held,
    Lanes,
    Later,
    OvertakenError,
    Reply,
    Resumed,
    RunResult,
    Stale,
    TimeTravelRun,
    Turn,
    WaitsForAnswerError,
    Watcher,
    Work,
)

log = structlog.get_logger(__name__)

STOPPING = 1.0
"""Seconds until work that a stopping process left is delivered again, to a process that serves then."""
DONE = "Done."
"""The reply of a turn that has nothing to say."""
WENT_BACK = "the conversation was restarted from an earlier step"
RESTARTED = "restarted from an earlier step."


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of agents for their runs.

    `together` are the agents that get the answers of parallel interrupts all at once, `unseen` those whose words do
    not appear while they work.
    """

    together: frozenset[AgentName] = frozenset()
    unseen: frozenset[AgentName] = frozenset()


NO_OPTIONS = RunOptions()


@dataclass(slots=True)
class _Watched:
    """A run's watcher, and its conversation with the live message that it has by now."""

    conversation: Conversation
    watcher: Watcher


class GraphRuns:
    """Performs everything that runs a graph, from a thread's `run` lane."""

    def __init__(
        self,
        *,
        register: Register,
        reconciler: Reconciler,
        approvals: Approvals,
        lanes: Lanes,
        graphs: Graphs,
        chat: Chat,
        metrics: Metrics,
        options: RunOptions = NO_OPTIONS,
    ) -> None:
        self._register = register
        self._reconciler = reconciler
        self._approvals = approvals
        self._lanes = lanes
        self._graphs = graphs
        self._chat = chat
        self._metrics = metrics
        self._options = options

    # Turns ------------------------------------------------------------------------------------------------------------

    async def take_turn(self, heard: Hear, conversation: Conversation, work: Work) -> bool:
        """Run the graph on a message. False: it still asks something else, so the message has to wait."""
        begins = conversation.opened_by == heard.ts
        conversation = replace(conversation, turn=heard.ts)
        await self._register.keep(conversation, work.fence)
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
                result = await self._start(turn, work, watched.watcher)
            conversation = watched.conversation
        except WaitsForAnswerError:  # it asks something that has no approval yet: people decide first
            await self.settle_again(conversation.thread, work)
            return False
        await self._settle(conversation, result, work)
        return True

    async def _start(self, turn: Turn, work: Work, watcher: Watcher) -> RunResult:
        """Start a turn; of what the graph still asks, void only the interrupts whose approvals ended."""
        try:
            return await self._graphs.start(turn, work.fence, watcher)
        except WaitsForAnswerError as waits:
            over = await self._reconciler.ended_interrupts(turn.thread, waits.asked)
            if not over:
                raise
            return await self._graphs.start(replace(turn, voids=over), work.fence, watcher)

    # Answers ----------------------------------------------------------------------------------------------------------

    async def resume(self, resume: Resume, work: Work) -> None:
        """Deliver a decided approval to its graph, at most once."""
        thread = thread_of(resume.approval)
        approval, conversation, ahead = await asyncio.gather(
            self._approvals.get(resume.approval),
            self._register.conversation(thread),
            self._graphs.read_ahead(thread, work.fence),
        )
        if approval is None or conversation is None:
            log.error("nothing to resume: the approval or its conversation has expired")
            return
        if sent := sent_words(approval):
            conversation = replace(conversation, held=tuple(each for each in conversation.held if each.ts not in sent))
            await self._register.keep(conversation, work.fence)
        if approval.state is State.DECIDED:
            await self._deliver(await self._ready_with_siblings(approval), conversation, work, ahead)
        else:  # delivered before, by a process that died before it stored the outcome
            await self._deliver_past_breakpoint(approval, work)
            await self.settle_again(conversation.thread, work)

    async def _ready_with_siblings(self, approval: Approval) -> Sequence[Approval]:
        """The decided approvals that go to the graph now: by `resume: together` none before all are decided."""
        if approval.agent not in self._options.together or approval.ask.may_recur:
            return [approval]
        siblings = [each for each in await self._approvals.open(approval.thread) if not each.ask.may_recur]
        if any(each.state is State.PENDING for each in siblings):
            return []
        return [each for each in siblings if each.state is State.DECIDED]

    async def _deliver(
        self, approvals: Sequence[Approval], conversation: Conversation, work: Work, ahead: object = None
    ) -> None:
        if not approvals:
            return
        answers = [_answer_of(each, ahead) for each in approvals]
        async with self._watched(conversation, work) as watched:
            if len(answers) == 1:
                outcome = await self._graphs.resume_if_pending(answers[0], work.fence, watched.watcher)
                outcomes: Sequence[Resumed | Stale | Held] = [outcome]
            else:
                outcomes = await self._graphs.resume_together(answers, work.fence, watched.watcher)
        conversation = watched.conversation
        result = _result_of(outcomes[-1])
        self._raise_when_stopped(result)
        for approval, outcome in zip(approvals, outcomes, strict=True):
            match outcome:
                case Resumed():
                    await self._register.happened(approval.id, Delivered(), stored=approval)
                case Stale(reason):
                    await self._register.happened(approval.id, NotDelivered(masked(reason)))
                case Held():
                    log.info("an answer waits for the breakpoint beside it", approval=approval.id)
                case _:
                    assert_never(outcome)
        if isinstance(outcomes[-1], Held):  # sent now it would be held again: it is sent past the breakpoint
            conversation = await self._report_rest(conversation, result, work)
            await self._pass_messages(conversation, work)
            return
        await self._deliver_past_breakpoint(approvals[0], work)
        await self._settle(conversation, result, work)

    async def _deliver_past_breakpoint(self, passed: Approval, work: Work) -> None:
        """Deliver decisions that were made while the thread stood at a breakpoint, once that is passed."""
        if passed.interrupt.startswith("breakpoint:"):
            await self._deliver_decided(passed.thread, passed.agent, work)

    async def _deliver_decided(self, thread: ThreadId, agent: AgentName, work: Work) -> None:
        """Put decided approvals into the lane again; by `resume: together` they are sent when the run comes to rest."""
        if agent in self._options.together:
            return
        for each in await self._approvals.open(thread):
            if each.state is State.DECIDED:
                await self._lanes.put(Resume(each.id), f"held/{each.id}/past/{work.id}")

    # Time travel ------------------------------------------------------------------------------------------------------

    async def time_travel(self, effect: Travel, work: Work) -> None:
        """Run on from an earlier checkpoint, at most once."""
        conversation = await self._register.conversation(effect.thread)
        if conversation is None:
            return
        request = TimeTravelRun(
            thread=effect.thread,
            agent=conversation.agent,
            checkpoint=effect.checkpoint,
            edits=effect.edits,
            key=effect.key,
            user=effect.by,
        )
        async with self._watched(conversation, work) as watched:
            outcome = await self._graphs.time_travel(request, work.fence, watched.watcher)
        conversation = watched.conversation
        result = _result_of(outcome) if isinstance(outcome, Stale) else outcome
        self._raise_when_stopped(result)
        if not isinstance(outcome, Stale):
            await self._register.say(conversation, RESTARTED, f"travel/{effect.key}", failed=False, by=effect.by)
        else:
            told = TellPerson(effect.thread, conversation.place, effect.by, masked(outcome.reason))
            await self._lanes.put(told, f"travel/{effect.key}")
        await self._deliver_decided(effect.thread, conversation.agent, work)  # decisions held by a breakpoint
        await self._settle(conversation, result, work, withdrawn=WENT_BACK)

    # Where a run came to rest -----------------------------------------------------------------------------------------

    async def settle_again(self, thread: ThreadId, work: Work) -> None:
        """Read where a thread came to rest, and report that."""
        conversation = await self._register.conversation(thread)
        if conversation is not None:
            result = await self._graphs.settle(thread, conversation.agent, work.fence)
            await self._settle(conversation, result, work)

    async def _settle(
        self, conversation: Conversation, result: RunResult, work: Work, withdrawn: str = NO_LONGER_ASKED
    ) -> None:
        """Report where a run came to rest, and go on. Idempotent."""
        conversation = await self._report_rest(conversation, result, work, withdrawn)
        await self._send_waiting(conversation, work)

    async def _report_rest(
        self, conversation: Conversation, result: RunResult, work: Work, withdrawn: str = NO_LONGER_ASKED
    ) -> Conversation:
        self._raise_when_stopped(result)
        conversation = await self._say_reply(conversation, result, work)
        conversation = await self._delete_live_message(conversation, work)
        if result.error:
            await self._register.say(conversation, masked(result.error), f"error/{work.id}", failed=True)
        await self._reconciler.reconcile(conversation, result, withdrawn)
        return conversation

    async def _say_reply(self, conversation: Conversation, result: RunResult, work: Work) -> Conversation:
        """Say the reply, once; a turn that ends without one gets "Done."."""
        news = result.reply
        if news is None or news.key == conversation.said:
            if result.ended in ("", conversation.ended):
                return conversation
            news = Reply(DONE, f"done/{conversation.thread}/{result.ended}")
        await self._register.say(
            conversation,
            concealed(news.text),
            news.key,
            speaker=news.speaker,
            failed=False,
            at=conversation.live,
        )
        said, ended = (result.reply or news).key, result.ended or conversation.ended
        conversation = replace(conversation, said=said, ended=ended, live=None)
        await self._register.keep(conversation, work.fence)
        return conversation

    async def _send_waiting(self, conversation: Conversation, work: Work) -> None:
        """Send decisions that waited for their siblings, or else the queued messages."""
        if conversation.agent in self._options.together:
            approvals = await self._approvals.open(conversation.thread)
            decided = next((each for each in approvals if each.state is State.DECIDED), None)
            if decided is not None:
                await self._deliver(await self._ready_with_siblings(decided), conversation, work)
                return
        await self._pass_messages(conversation, work)

    async def _pass_messages(self, conversation: Conversation, work: Work) -> None:
        """Offer queued messages as an answer; where nothing is open, give them their turn.

        Only this lane writes the conversation, so where it holds no messages there are none.
        """
        if not conversation.held:
            return
        approvals = await self._approvals.open(conversation.thread)
        if any(each.holds for each in approvals):
            await self.offer(conversation, approvals)
        else:
            await self._release(conversation, work)

    async def offer(self, conversation: Conversation, approvals: Sequence[Approval]) -> bool:
        """Show the queued messages on the card of the question that they may answer, if there is one."""
        found = offered_to(conversation, approvals)
        if found is None or not found[1]:
            return False
        question, words = found
        await self._register.happened(question.id, Offered(words))
        return True

    async def _release(self, conversation: Conversation, work: Work) -> None:
        """Give held messages their turn: first into the lane, then out of the conversation."""
        for heard in conversation.held:
            await self._lanes.put(heard, f"held/{heard.place.channel}/{heard.ts}/after/{conversation.turn}")
        await self._register.keep(replace(conversation, held=()), work.fence)

    async def pass_on(self, thread: ThreadId, work: Work) -> None:
        """Go on where something that was open in a thread ended without a run."""
        conversation = await self._register.conversation(thread)
        if conversation is not None:
            await self._send_waiting(conversation, work)

    @staticmethod
    def _raise_when_stopped(result: RunResult) -> None:
        if result.stopped:
            raise Later(STOPPING)

    # Live messages ----------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _watched(self, conversation: Conversation, work: Work) -> AsyncIterator["_Watched"]:
        """Watch one run of a graph; a live message of a run that died is deleted first."""
        watched = _Watched(await self._delete_live_message(conversation, work), UNWATCHED)
        with self._metrics.run():
            if conversation.agent in self._options.unseen:
                yield watched
                return

            async def posted(ts: MessageTs) -> None:
                watched.conversation = replace(watched.conversation, live=ts)
                try:
                    await self._register.keep(watched.conversation, work.fence)
                except OvertakenError:  # this process stood still, and woke after its lease: nobody else knows of it
                    await self._take_back(watched.conversation)
                    raise

            message = self._chat.live(conversation.place, conversation.requester)
            async with watching(message, posted) as watched.watcher:
                yield watched

    async def _delete_live_message(self, conversation: Conversation, work: Work) -> Conversation:
        """The conversation, once its live message is deleted."""
        if conversation.live is None:
            return conversation
        await self._take_back(conversation)
        conversation = replace(conversation, live=None)
        await self._register.keep(conversation, work.fence)
        return conversation

    async def _take_back(self, conversation: Conversation) -> None:
        if conversation.live is not None:
            taken_back = TakeBack(conversation.thread, conversation.place, conversation.live)
            await self._lanes.put(taken_back, f"taken-back/{conversation.place.channel}/{conversation.live}")


def _result_of(outcome: Resumed | Stale | Held) -> RunResult:
    """The state in which the thread came to rest. Where nothing was sent no turn has ended."""
    return replace(outcome.result, ended="") if isinstance(outcome, Stale) else outcome.result


def _answer_of(approval: Approval, ahead: object) -> Answer:
    return Answer(
        thread=approval.thread,
        agent=approval.agent,
        interrupt=approval.interrupt,
        digest=approval.digest,
        ask=approval.ask,
        decisions=approval.decisions,
        key=approval.id,
        by=approval.deciders,
        ahead=ahead,
    )
