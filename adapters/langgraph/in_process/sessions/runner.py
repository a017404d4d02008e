"""Runs a thread: with new input, on from its last checkpoint, or with its step asked again from the beginning."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.langgraph import config_keys as keys
from adapters.langgraph import sentences
from adapters.langgraph.errors import ToolNotAskedError
from adapters.langgraph.guards.gates import Gates
from adapters.langgraph.guards.kept_calls import KeptCalls
from adapters.langgraph.in_process.reports.report import STOPPED, report
from adapters.langgraph.in_process.runs.config import Marks
from adapters.langgraph.in_process.runs.forking import fork, stamp
from adapters.langgraph.in_process.runs.run import Ended
from adapters.langgraph.in_process.sessions.session import Session
from adapters.langgraph.in_process.threads.outdated import code_of, is_orphan, is_outdated
from adapters.langgraph.in_process.threads.thread import Thread
from adapters.langgraph.loading.breakpoints import marked
from adapters.langgraph.messages.closing import LastRun, close_fields, input_with, outside_input, update_beforehand
from engine.asks.ask import canonical
from engine.ports import RunResult, Turn


class ThreadRunner:
    """Runs the thread of a session, and reports it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._run_key = ""
        """The idempotency key of this call's last run."""

    def report(self, thread: Thread, ended: Ended | None = None) -> RunResult:
        """Report a thread, after a run if there was one."""
        session = self.session
        return report(session.agent, session.thread, thread, ended or Ended(), self._run_key)

    async def report_after(self, ended: Ended) -> RunResult:
        """Report the thread after a run."""
        return STOPPED if ended.stopped else self.report(await self.session.read(), ended)

    # New input --------------------------------------------------------------------------------------------------------

    async def feed(self, thread: Thread, turn: Turn) -> RunResult:
        """Give new input."""
        session, agent = self.session, self.session.agent
        if session.runs.draining:
            return STOPPED
        if thread.unreadable is not None:  # LangGraph would refuse it too, and its open questions are not known
            return replace(self.report(thread), error=sentences.NO_NEW_TURN)
        given, refusal = agent.input_of(turn, again=thread.exists)
        if refusal:
            return replace(self.report(thread), error=refusal) if thread.exists else RunResult(error=refusal)
        before = agent.replies.mark_before(given, thread.values if thread.exists else None)
        marks = Marks(turn.key, thread.mark(keys.ANSWERED), agent.mark, before, breakpoints=marked(agent.breakpoints))
        config = session.config_of_turn(turn.key, turn.user, marks)
        given = await self._closing_calls(thread, turn, given)
        return await self.report_after(await self.run(given, config, turn.user))

    async def _closing_calls(self, thread: Thread, turn: Turn, given: Any) -> Any:
        """The input of a turn, with a result for each tool call that an earlier turn left open."""
        session, agent = self.session, self.session.agent
        if not thread.exists:
            return given
        last_run = LastRun(thread.mark(keys.STOPPED_FOR), bool(turn.voids), session.masked)
        as_before = session.config(thread, "", session.marks(thread))
        for level in thread.levels[1:]:
            if level.keeps_memory:
                inner, found = agent.graph_at(level.path), close_fields(level.snapshot, last_run)
                await update_beforehand(agent.graph, inner, level.snapshot, as_before, found)
        root = thread.levels[0].snapshot
        found = close_fields(root, last_run)
        await update_beforehand(agent.graph, agent.graph, root, as_before, outside_input(agent.graph, found))
        return input_with(agent.graph, given, found)

    # Going on ---------------------------------------------------------------------------------------------------------

    async def run_on(self, thread: Thread, key: str = "", answered: str = "") -> RunResult:
        """For input that the thread was fed before: run what died or failed, then report. The rest as in `go_on`."""
        thread, ended = await self.up_to_date(thread)
        if ended.stopped or ended.error is not None:
            return STOPPED if ended.stopped else self.report(thread, ended)
        died = thread.died or (thread.paused_at is None and thread.failures)
        return await self.go_on(thread, key, answered) if died else self.report(thread)

    async def rest(self, thread: Thread) -> RunResult:
        """Run what died, then report."""
        thread, ended = await self.up_to_date(thread)
        if ended.stopped:
            return STOPPED
        return await self.go_on(thread) if thread.died and ended.error is None else self.report(thread, ended)

    async def go_on(self, thread: Thread, key: str = "", answered: str = "") -> RunResult:
        """Run from the last checkpoint, past a breakpoint too.

        `answered` is the pause that was decided, or the interrupt whose stored answer was delivered again: the next
        checkpoints name it. Cut off once more, its delivery would else find no trace of it, and report it as not sent.
        """
        return await self.report_after(await self.run_again(thread, key, answered))

    async def run_again(self, thread: Thread, key: str = "", answered: str = "") -> Ended:
        """Run without input: unfinished tasks run again, each with its answers, which the next checkpoints name."""
        session = self.session
        now = (*thread.answered_in_step, answered) if answered else thread.answered_in_step
        marks = session.marks(thread, *dict.fromkeys(now))
        config = session.config(thread, key or thread.mark(keys.IDEMPOTENCY_KEY), marks)
        return await self.run(None, config, thread.mark(keys.USER), thread)

    async def run(
        self, given: Any, config: Mapping[str, Any], user: str, thread: Thread | None = None, saver: Any = None
    ) -> Ended:
        """Run the graph. `thread` is the one that goes on, None for one that gets new input.

        `saver` is the run's own (`RunSaver`), None for that of the graph.
        """
        session, agent = self.session, self.session.agent
        self._run_key = config["configurable"].get(keys.IDEMPOTENCY_KEY, "")
        if agent.spec.recursion_limit is not None:
            config = {**config, "recursion_limit": agent.spec.recursion_limit}
        if saver is not None:
            config = {**config, "configurable": {**config["configurable"], keys.SAVER: saver}}
        saver = saver or session.saver
        kept = KeptCalls(saver, config, thread.kept if thread else {})
        asking = thread.asked_by_gates if thread else frozenset[str]()
        gates = Gates(agent.spec.gate_tools, kept, asking)
        if agent.spec.gate_tools or asking:
            config = {**config, "configurable": {**config["configurable"], keys.GATES: gates}}
        context, limit = agent.context_of(user, session.thread), agent.spec.time_limit
        ended = await session.runs.run(
            agent.graph, given, config, context, session.watcher, agent.interrupt_options, limit
        )
        if swallowed := await self._swallowed(gates, ended):
            ended = Ended(ToolNotAskedError(sentences.question_swallowed(swallowed)), by_limit=True)
        if ended.by_limit:
            await stamp(saver, config, {keys.STOPPED_FOR: sentences.failure(ended.error or "")})
        return ended

    async def _swallowed(self, gates: Gates, ended: Ended) -> str:
        """The tool whose question the agent's code caught, so that nobody is asked; "" if there is none."""
        if not gates.asked or ended.stopped or not isinstance(ended.error, ExceptionGroup | None):
            return ""
        waiting = {each.interrupt.id for each in (await self.session.read()).pending}
        return next((tool for name, tool in gates.asked.items() if name not in waiting), "")

    # Asking again -----------------------------------------------------------------------------------------------------

    async def up_to_date(self, thread: Thread) -> tuple[Thread, Ended]:
        """Let the code that runs now ask every question that older code asked."""
        session, agent = self.session, self.session.agent
        if thread.paused_at is not None:
            return thread, Ended()  # a run would go past the breakpoint
        old = [each for each in thread.pending if is_outdated(agent, thread, each)]
        if not old or all(is_orphan(agent, thread, each) for each in old):
            return thread, Ended()
        if thread.alone or (any(each.answers for each in old) and not thread.step_has_finished_tasks):
            return await self.ask_anew(thread)
        # Nothing is stored for these tasks, so running them again asks again and leaves their siblings alone. The
        # checkpoint stays, so its mark has to say whose questions it holds now.
        ended = await self.run_again(thread)
        if not ended.stopped and ended.error is None:
            nodes = (node for each in old if not each.answers for node in code_of(agent, each))
            fresh = {node: agent.code.get(node, "") for node in nodes}
            marks = replace(session.marks(thread), code=canonical({**thread.code, **fresh}))
            await stamp(session.saver, session.config(thread, "", marks), marks.as_metadata())
        return await session.read(), ended

    async def ask_anew(self, thread: Thread) -> tuple[Thread, Ended]:
        """Forget the answers of the step that waits or failed, and run it from its beginning."""
        session = self.session
        if session.runs.draining:
            return thread, Ended(stopped=True)
        marks = replace(session.marks(thread), approved=thread.mark(keys.APPROVED))  # without this step's decisions
        await fork(session.saver, session.config(thread, "", marks), marks.as_metadata())
        ended = await self.run_again(await session.read())
        return await session.read(), ended
