"""Carries out decisions at pauses on a server: breakpoints and failures.

See `adapters.langgraph.in_process.decisions.pauses` for the same in this process.
"""

from functools import partial

from adapters.langgraph import dialects, sentences
from adapters.langgraph.dialects.breakpoint import TOOLS
from adapters.langgraph.dialects.pauses import next_nodes
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.errors import StateRefusedError
from adapters.langgraph.messages.open_calls import messages_after
from adapters.langgraph.remote.agents import ServerAgent
from adapters.langgraph.remote.reports import report
from adapters.langgraph.remote.runs import ServerRuns
from adapters.langgraph.remote.threads import MESSAGES, ServerThread, read
from engine.asks.ask import Choice, Json
from engine.ports import Answer, Resumed, RunResult, Stale


class ServerPauses:
    """Carries out one decision at a pause of a thread."""

    def __init__(self, agent: ServerAgent, runs: ServerRuns, answer: Answer) -> None:
        self._agent, self._runs, self._answer = agent, runs, answer

    async def decide(self, thread: ServerThread) -> Resumed | Stale:
        """Carry out the decision, if the thread still is where people saw it."""
        agent, answer = self._agent, self._answer
        reported = self._report(thread)
        asked = next((each for each in reported.asked if each.interrupt == answer.interrupt), None)
        if asked is None and thread.is_update_of(answer.interrupt.partition(":")[2]):
            return Resumed(await self._go_on_from(thread))  # an earlier delivery made the update
        if asked is None:
            return Stale(sentences.MOVED_ON, reported)
        if asked.digest != answer.digest:
            return Stale(sentences.PAUSE_CHANGED, reported)
        if answer.ask.dialect == TOOLS.name:
            return Resumed(await self._decide_tool_calls(thread))
        (decision,) = answer.decisions
        if decision.choice is Choice.REJECT:
            return Resumed(reported)
        if answer.ask.encoding is None and decision.choice not in (Choice.EDIT, Choice.SKIP):
            return Resumed(await self._runs.run_for(agent, answer, thread, input=None))
        problem = await self._update_or_undo(thread)
        thread = await self._read()
        return Stale(problem, self._report(thread)) if problem else Resumed(await self._go_on_from(thread))

    async def _decide_tool_calls(self, thread: ServerThread) -> RunResult:
        """Run, change or refuse each tool call that waits."""
        messages, run = messages_after(thread.messages, self._answer.decisions)
        if messages:
            told: list[Json] = [to_json(each).value for each in messages]
            as_node = None if run else thread.waiting[0]
            await self._agent.client.update(self._answer.thread, {MESSAGES: told}, as_node)
            thread = await self._read()
        return await self._go_on_from(thread)

    async def _update_or_undo(self, thread: ServerThread) -> str:
        """Update the state as decided; if the graph's schema refuses the new state, put the old one back and say so."""
        try:
            return await self._update(thread)
        except StateRefusedError as error:
            await self._agent.client.update(self._answer.thread, {}, checkpoint=thread.checkpoint)
            return f"{sentences.EDIT_REFUSED} {sentences.refused_fields(str(error)) or error}"

    async def _update(self, thread: ServerThread) -> str:
        """Update the state as decided; "" or the reason why the graph does not accept it."""
        answer = self._answer
        (decision,) = answer.decisions
        update = partial(self._agent.client.update, answer.thread)
        if answer.ask.encoding is not None:
            sent = dialects.encode(answer.ask, answer.decisions, answer.by)
            await update(sent.update, sent.as_node or None)
            return ""
        if decision.choice is Choice.SKIP:
            for node in thread.waiting:
                await update(None, node)
            return ""
        wanted = decision.value if isinstance(decision.value, dict) else {}
        changed = {name: each for name, each in wanted.items() if thread.values.get(name) != each}
        await update(changed)
        now = (await self._read()).values
        left = {name: each for name, each in changed.items() if now.get(name) != each}
        if left:  # a reducer added to the old value: `__overwrite__` is LangGraph's way to replace it
            await update({name: {"__overwrite__": each} for name, each in left.items()})
            now = (await self._read()).values
        wrong = [name for name, each in changed.items() if now.get(name) != each]
        return sentences.fields_refused(wrong) if wrong else ""

    async def _go_on_from(self, thread: ServerThread) -> RunResult:
        """Run on, only past the nodes that people saw."""
        answer = self._answer
        skipped = any(each.choice is Choice.SKIP for each in answer.decisions)
        passed = frozenset[str]() if skipped else frozenset(next_nodes(answer.ask))
        unseen = [node for node in thread.waiting if node in self._agent.breakpoints and node not in passed]
        if unseen or not thread.waiting:
            return self._report(thread)
        return await self._runs.run_for(self._agent, answer, thread, input=None)

    def _report(self, thread: ServerThread) -> RunResult:
        return report(self._agent, self._answer.thread, thread)

    async def _read(self) -> ServerThread:
        return await read(self._agent.client, self._answer.thread)
