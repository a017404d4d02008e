"""The gates of a run: tool calls of `gate_tools` in `app.yaml` ask before they start, in any graph, unchanged.

Where a tool of LangChain starts (`BaseTool.run` and `arun`, see `tool_starts`), a call of a gated tool in a run of its
agent stops by an interrupt of LangGraph's, as if the tool had asked. Approve runs it with the arguments shown, Edit
with the edited ones, Reject returns the reason in place of a result.

**An answer belongs to one call.** LangGraph hands out the answers of a task by their order alone. A gate ignores the
order: it looks for the answer that was decided on its very payload (`drift.AnsweredPayloads`), which holds the
arguments and the call's name. The name is made of the task, of the call around it, the model's id for the call, the
tool, the arguments, and how often the same was called before. So calls that run side by side, in whatever order, never
get each other's answer, and a call whose arguments differ when the node runs again has none. The graph's own interrupts
skip the answers of gates.

**One at a time.** Once a call of a task has asked, no other call of the task starts in this run. Those that are running
end first: the run waits for them (`Gates.settled`).

**Asked once.** A call that was decided before it starts (LangChain's middleware, a breakpoint before a node of tools, a
node that reviews calls) is not asked about again: `tool_starts` compares it. Nor is a call of a tool that asks for
itself at its very beginning, whatever its arguments are (`own_question`).

**Nothing runs where nobody can be asked.** Without the config of a run (a plain thread, a graph with a thread id of its
own) the call raises ToolNotAskedError, as long as an agent of this process gates a tool of that name.

Private parts: those that `drift` and `tool_starts` name, a task's function for writing, and the map of the checkpoints
around it. `gate_install.check_contract` runs a small graph that shows whether they still work.

`kept_calls` says what is kept of calls, and what a crash leaves. Not covered: code that goes around the tool's `run`
(`tool.func(...)`, a plain function), and graphs on a LangGraph Server.
"""

import asyncio
import hashlib
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt

from adapters.langgraph.config_keys import CHECKPOINTS, NAMESPACE, SCRATCHPAD, SHOWN, interrupt_id
from adapters.langgraph.guards.drift import AnsweredPayloads, interrupts_before, short_mark
from adapters.langgraph.guards.kept_calls import KeptCalls
from engine.asks.ask import Json, canonical
from engine.rules.conditions import Verdict
from engine.rules.tool_names import match

gated_here: "Counter[str]" = Counter()
"""The patterns of all agents that are open in this process."""


def matches(patterns: Sequence[str], tool: str) -> bool:
    """Tell whether a tool is gated; one whose name only looks like a gated one is, too."""
    return any(match(pattern, tool) is not Verdict.FAILS for pattern in patterns)


def can_be_gated(tool: BaseTool) -> bool:
    """Tell whether a tool starts where gates are: it overrides neither `run` nor `arun`."""
    return type(tool).run is BaseTool.run and type(tool).arun is BaseTool.arun


@contextmanager
def guarding(patterns: Sequence[str]) -> Iterator[None]:
    """Note the gated tools of an agent while it is open."""
    gated_here.update(patterns)
    try:
        yield
    finally:
        gated_here.subtract(patterns)
        for each in patterns:
            if not gated_here[each]:
                del gated_here[each]


# The gates of a run ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class RunningCall:
    """A call that runs: its name, its task's attempt, the call around it, and the answers that its interrupts took."""

    name: str
    attempt: "Attempt"
    around: "RunningCall | None"
    answers: list[int] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Surround the run of the call's tool."""
        token = innermost.set(self)
        try:
            yield
        finally:
            innermost.reset(token)


innermost: ContextVar[RunningCall | None] = ContextVar("innermost", default=None)
"""The call inside which this code runs."""


@dataclass(slots=True)
class Attempt:
    """One run of a task: how often each call was made, in which threads, the question, and the answers to skip.

    `pauses` is true once a call has asked, or the graph's own code has.
    """

    scratchpad: Any
    made: "Counter[str]" = field(default_factory=Counter)
    asked: GraphInterrupt | None = None
    pauses: bool = False
    taken: set[int] = field(default_factory=set)
    threads: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def name(self, *parts: Json) -> tuple[str, int]:
        """Name a call, and count how often the same was called before."""
        same = canonical(list(parts))
        with self.lock:
            self.threads.add(threading.get_ident())
            before = self.made[same]
            self.made[same] += 1
        return hashlib.sha256(f"{same} {before}".encode("utf-8", "surrogatepass")).hexdigest()[:32], before

    def ask(self, interrupt: Interrupt) -> GraphInterrupt:
        """Stop the task by the first question of its calls."""
        with self.lock:
            self.pauses = True
            if self.asked is None:
                self.asked = GraphInterrupt((interrupt,))
            return self.asked


class Gates:
    """The gates of one run, and the state of its calls."""

    def __init__(self, patterns: Sequence[str], kept: KeptCalls, asking: Collection[str] = ()) -> None:
        """`asking` are the marks of the tools that this step asked about, even if `app.yaml` no longer gates them."""
        self.patterns = patterns
        self.kept = kept
        self._asking = asking
        self.decided_before: set[tuple[str, str]] = set()
        """The calls that started after a decision which was made before."""
        self._attempts: dict[int, Attempt] = {}
        self._lock = threading.Lock()
        self._under_way: set[Future[None]] = set()

    def gates(self, tool: str) -> bool:
        """Tell whether calls of this tool ask first."""
        return matches(self.patterns, tool) or short_mark(tool) in self._asking

    def attempt(self, scratchpad: Any) -> Attempt:
        """The attempt of the task with this scratchpad."""
        with self._lock:
            return self._attempts.setdefault(id(scratchpad), Attempt(scratchpad))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Surround a call, until its state is written."""
        ended: Future[None] = Future()
        self._under_way.add(ended)
        try:
            yield
        finally:
            self._under_way.discard(ended)
            ended.set_result(None)

    @property
    def asked(self) -> Mapping[str, str]:
        """The tools that asked in this run, by interrupt."""
        questions = [each for attempt in self._attempts.values() if attempt.asked for each in attempt.asked.args[0]]
        return {each.id: str(each.value["name"]) for each in questions}

    async def settled(self) -> None:
        """Wait until no call runs any more, and the state of all calls is written."""
        while under_way := list(self._under_way):
            await asyncio.wait([asyncio.wrap_future(each) for each in under_way])
        await self.kept.wait_written()

    def skip_answers_of_gates(self, configurable: Mapping[str, Any]) -> None:
        """Skip, before one of the graph's own interrupts, the answers that are not for it.

        Without an answer, the interrupt is about to pause the task: the finished calls are written first.
        """
        scratchpad = configurable[SCRATCHPAD]
        attempt, number = self.attempt(scratchpad), interrupts_before(scratchpad.interrupt_counter)
        while number < len(scratchpad.resume) and _is_for_a_call(attempt, configurable, number):
            scratchpad.interrupt_counter()
            number += 1
        if number >= len(scratchpad.resume):
            attempt.pauses = True
            checkpoint = checkpoint_of(configurable)
            self.kept.write_blocking(checkpoint, self.kept.unwritten(checkpoint))
            return
        call = innermost.get()
        while call is not None and call.attempt is attempt:
            call.answers.append(number)
            call = call.around


def _is_for_a_call(attempt: Attempt, configurable: Mapping[str, Any], number: int) -> bool:
    known = configurable.get(SHOWN)
    is_gates = isinstance(known, AnsweredPayloads) and interrupt_id(configurable[NAMESPACE], number) in known.gated
    return is_gates or number in attempt.taken


def checkpoint_of(configurable: Mapping[str, Any]) -> str:
    """The root's checkpoint of the step that runs."""
    return str(configurable.get(CHECKPOINTS, {}).get("", ""))
