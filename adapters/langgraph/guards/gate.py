"""Tool calls that ask before they start: `gate_tools` in `app.yaml`, for any graph, without a change to it.

Where a tool of LangChain starts (`BaseTool.run` and `arun`, see `tool_guard`), a call of a gated tool in a run of its
agent stops by an interrupt of LangGraph's, as though the tool had asked. Approve runs it as it was shown, Edit with the
edited arguments, Reject gives the reason in place of a result.

**An answer belongs to one call.** LangGraph hands out the answers of a task by their order alone. A gate takes none by
its order: it looks for the one that was decided on its very payload (`drift_guard.Shown`), which holds the arguments
and the call's name. That name is made of the task, of the call around it, the model's id for the call, the tool, the
arguments, and how often the same was called before. So calls that run side by side, in whatever order, never get each
other's answer, and a call whose arguments come out otherwise when the node runs again has none. The interrupts of the
graph's own pass over the answers of gates.

**One at a time.** Once a call of a task has asked, no other call of the task starts in this run. Those that are under
way end first: the run waits for them (`Gates.settled`).

**Asked once.** A call that was decided before it starts (LangChain's middleware, a breakpoint before a node of tools, a
node that reviews calls) is not asked about again: `tool_guard` compares it. Nor is one whose tool asks for itself at
its very beginning, whatever its arguments are (`own_question`).

**Nothing runs where nobody can be asked.** Without the config of a run (a plain thread, a graph with a thread id of its
own) the call raises ToolNotAskedError, as long as an agent of this process gates a tool of that name.

Private parts: those that `drift_guard` and `tool_guard` name, a task's function for writing, and the map of the
checkpoints around it. `check_contract` runs a small graph that shows whether they still mean the same.

What is kept of calls, and what a crash leaves: `kept_calls`. Out of reach: code that goes around the tool's `run`
(`tool.func(...)`, a plain function), and graphs on a LangGraph Server.
"""

import asyncio
import hashlib
import inspect
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import structlog
from langchain_core.messages import ToolMessage
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, Interrupt
from pydantic import ValidationError

from adapters.langgraph.config_keys import (
    CHECKPOINTS,
    FENCE,
    GATES,
    NAMESPACE,
    RESUME,
    SCRATCHPAD,
    SEND,
    SHOWN,
    STRICT_RESUME,
    interrupt_id,
)
from adapters.langgraph.dialects.gated import payload_of
from adapters.langgraph.guards.drift import Shown, asked_before, payload_mark, short_mark, unguarded
from adapters.langgraph.guards.kept_calls import Kept, KeptCalls, of_step
from adapters.langgraph.guards.own_question import asks_first
from adapters.langgraph.guards.tool_args import as_read, edited, schema_of, shown
from adapters.langgraph.guards.tool_calls import decided_before
from engine.asks.ask import Json, canonical
from engine.rules.conditions import Verdict
from engine.rules.tool_names import match

_log = structlog.get_logger(__name__)
_installing = threading.Lock()
_GATED = "_signoff_gated"
REFUSED = "The call was rejected."


class ToolNotAskedError(RuntimeError):
    """A gated tool was called where nobody can be asked; the message is a sentence for people."""


def swallowed(tool: str) -> ToolNotAskedError:
    """What is told where a question got lost on its way."""
    return ToolNotAskedError(
        f"The tool {tool} was not run, and nobody was asked: the code around the call caught the exception by which "
        "LangGraph pauses. Let it through: catch the exceptions that you expect by name."
    )


def matches(patterns: Sequence[str], tool: str) -> bool:
    """Whether a tool is gated; one whose name only looks like a gated one is, too."""
    return any(match(pattern, tool) is not Verdict.FAILS for pattern in patterns)


def can_be_gated(tool: BaseTool) -> bool:
    """Whether a tool starts where gates stand."""
    return type(tool).run is BaseTool.run and type(tool).arun is BaseTool.arun


# The gates of a run ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Call:
    """A call that runs: its name, the task it is in, and the answers that interrupts within it took."""

    name: str
    attempt: "_Attempt"
    around: "_Call | None"
    answers: list[int] = field(default_factory=list)


_inside: ContextVar[_Call | None] = ContextVar("_inside", default=None)


@dataclass(slots=True)
class _Attempt:
    """One run of a task: how often each call was made, and in which threads; what was asked; whose answers came up."""

    scratchpad: Any
    made: "Counter[str]" = field(default_factory=Counter)
    asked: GraphInterrupt | None = None
    passed_over: set[int] = field(default_factory=set)
    threads: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def name(self, *parts: Json) -> tuple[str, int]:
        """The name of a call, and how often the same was called before."""
        same = canonical(list(parts))
        with self.lock:
            self.threads.add(threading.get_ident())
            before = self.made[same]
            self.made[same] += 1
        return hashlib.sha256(f"{same} {before}".encode("utf-8", "surrogatepass")).hexdigest()[:32], before

    def ask(self, interrupt: Interrupt) -> GraphInterrupt:
        """What stops the task: the first question that one of its calls asks."""
        with self.lock:
            if self.asked is None:
                self.asked = GraphInterrupt((interrupt,))
            return self.asked


class Gates:
    """Which tool calls of one run ask first, and what is known of its calls."""

    def __init__(self, patterns: Sequence[str], kept: KeptCalls, asking: Collection[str] = ()) -> None:
        """`asking` are the marks of the tools that were asked about in this step, whatever `app.yaml` says by now."""
        self.patterns = patterns
        self.kept = kept
        self._asking = asking
        self.decided_before: set[tuple[str, str]] = set()
        """The calls that started on a decision that was made before."""
        self._attempts: dict[int, _Attempt] = {}
        self._lock = threading.Lock()
        self._under_way: set[Future[None]] = set()

    def gate(self, tool: str) -> bool:
        """Whether calls of this tool ask first."""
        return matches(self.patterns, tool) or short_mark(tool) in self._asking

    def attempt(self, scratchpad: Any) -> _Attempt:
        """The attempt of a task that has this scratchpad."""
        with self._lock:
            return self._attempts.setdefault(id(scratchpad), _Attempt(scratchpad))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Around a call, until all that is kept of it is written."""
        ended: Future[None] = Future()
        self._under_way.add(ended)
        try:
            yield
        finally:
            self._under_way.discard(ended)
            ended.set_result(None)

    @property
    def asked(self) -> Mapping[str, str]:
        """The interrupts by which calls asked in this run, each with the name of its tool."""
        questions = [each for attempt in self._attempts.values() if attempt.asked for each in attempt.asked.args[0]]
        return {each.id: str(each.value["name"]) for each in questions}

    async def settled(self) -> None:
        """Wait until no call runs any more, and all that is to be kept is written."""
        while under_way := list(self._under_way):
            await asyncio.wait([asyncio.wrap_future(each) for each in under_way])
        await self.kept.written()

    def pass_over(self, configurable: Mapping[str, Any]) -> None:
        """Before an interrupt of the graph's own: pass over the answers that are not for it.

        Where it has no answer yet, it is about to pause the task: what is done is written first.
        """
        scratchpad = configurable[SCRATCHPAD]
        attempt, number = self.attempt(scratchpad), asked_before(scratchpad.interrupt_counter)
        while number < len(scratchpad.resume) and _is_not_for_it(attempt, configurable, number):
            scratchpad.interrupt_counter()
            number += 1
        if number >= len(scratchpad.resume):
            checkpoint = _checkpoint(configurable)
            self.kept.write_blocking(checkpoint, self.kept.unwritten(checkpoint))
            return
        call = _inside.get()
        while call is not None and call.attempt is attempt:
            call.answers.append(number)
            call = call.around


def _is_not_for_it(attempt: _Attempt, configurable: Mapping[str, Any], number: int) -> bool:
    known = configurable.get(SHOWN)
    is_gates = isinstance(known, Shown) and interrupt_id(configurable[NAMESPACE], number) in known.gated
    return is_gates or number in attempt.passed_over


def _checkpoint(configurable: Mapping[str, Any]) -> str:
    """The checkpoint at the root, of the step that runs."""
    return str(configurable.get(CHECKPOINTS, {}).get("", ""))


# A call ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Start:
    """Run the tool with this."""

    given: Any


@dataclass(frozen=True, slots=True)
class _Keep:
    """Write this."""

    kept: KeptCalls
    checkpoint: str
    calls: Mapping[str, Kept]


_Plan = Generator[_Start | _Keep, Any, Any]


def _planned(tool: BaseTool, given: Any, call: str | None, config: Any) -> _Plan | None:
    """What a call does; None where it just runs: outside of a run of an agent that has gates."""
    configurable = _of_run(config)
    gates = configurable.get(GATES) if configurable else None
    if configurable is not None and gates is None:
        return None  # in a run of an agent without gates
    if isinstance(gates, Gates) and configurable is not None and SCRATCHPAD in configurable:
        return _plan(gates, tool, given, call, configurable)
    if gates.gate(tool.name) if isinstance(gates, Gates) else matches([*_gated_here], tool.name):
        _log.error("a gated tool was called where nobody can be asked", tool=tool.name)
        raise ToolNotAskedError(
            f"The tool {tool.name} was not run: gate_tools in app.yaml wants a person to be asked first, and it was "
            "called outside of the agent's run, where nobody can be asked (in a thread of its own, say). Call it in a "
            "node, and hand the node's config on to threads and graphs that the node starts."
        )
    return None


def _of_run(config: Any) -> Mapping[str, Any] | None:
    """The configurable part of a run of ours: that of the call, or of what is around it."""
    for each in (config, var_child_runnable_config.get()):
        found: Mapping[str, Any] = (each or {}).get("configurable") or {}
        if FENCE in found:
            return found
    return None


def _plan(gates: Gates, tool: BaseTool, given: Any, call_id: str | None, configurable: Mapping[str, Any]) -> _Plan:
    with gates.under_way():
        return (yield from _gate(gates, tool, given, call_id, configurable))


def _gate(gates: Gates, tool: BaseTool, given: Any, call_id: str | None, configurable: Mapping[str, Any]) -> _Plan:
    attempt, around = gates.attempt(configurable[SCRATCHPAD]), _inside.get()
    read, refused = _read(tool, given, call_id)
    args = shown(tool, given, read)
    inside = around.name if around is not None and around.attempt is attempt else ""
    name, before = attempt.name(configurable[NAMESPACE], inside, call_id, tool.name, args)
    known = gates.kept.find(name)
    if known.result is not None:
        attempt.passed_over.update(known.answers)
        return gates.kept.value(known)
    call = _Call(name, attempt, around if inside else None)
    if not gates.gate(tool.name) or _asked_otherwise(gates, tool, call_id, before, configurable):
        return (yield from _run_ungated(gates, call, given, configurable))
    if refused is not None and not tool.handle_validation_error:
        raise refused
    asked = [payload_of(tool.name, args, name, call_id, starts) for starts in range(known.starts + 1)]
    match (yield from _answer(gates, tool, asked, call, configurable)):
        case {"decision": "approve"}:
            return (yield from _run_approved(gates, call, given, configurable))
        case {"decision": "edit", "args": dict(after)}:
            changed = edited(tool, given, args, after)
            return (yield from _run_approved(gates, call, changed, configurable))
        case {"decision": "reject", "reason": str(reason)}:
            return _rejected(tool, call_id, reason)
        case _:
            raise ToolNotAskedError(f"The tool {tool.name} was not run: its answer was not understood.")


def _read(tool: BaseTool, given: Any, call_id: str | None) -> tuple[Mapping[str, Any], ValidationError | None]:
    """The arguments as the tool reads them, and why it refuses them."""
    try:
        return as_read(tool, given, call_id), None
    except ValidationError as error:
        refused: ValidationError | None = error
    except Exception:  # noqa: BLE001 - the tool's own validators: people see the arguments as they came
        refused = None
    return (given if isinstance(given, dict) else {next(iter(tool.args), "input"): given}), refused


def _asked_otherwise(
    gates: Gates, tool: BaseTool, call_id: str | None, before: int, configurable: Mapping[str, Any]
) -> bool:
    """Whether people decide this call by other means."""
    if asks_first(tool):
        return True
    if before or not call_id or not decided_before(tool, call_id, configurable):
        return False
    which = configurable[NAMESPACE], call_id
    if which in gates.decided_before:
        return False
    gates.decided_before.add(which)
    return True


def _answer(
    gates: Gates,
    tool: BaseTool,
    payloads: Sequence[dict[str, Json]],
    call: _Call,
    configurable: Mapping[str, Any],
) -> _Plan:
    """The answer to this very call. Raises GraphInterrupt where there is none yet.

    `payloads` are what was asked of it before each start that has no result, and last what is asked now.
    """
    attempt, resume = call.attempt, configurable[SCRATCHPAD].resume
    answers = _answers(configurable)
    marks = [payload_mark(each) for each in payloads]
    own = [number for number, mark in answers.items() if mark in marks]
    with attempt.lock:
        attempt.passed_over.update(own)
    call.answers += own
    found = next((number for number in own if answers[number] == marks[-1]), None)
    if not own:
        _drop_answers_to_another(attempt, configurable, payloads[-1].get("id"))
    if resume:
        configurable[SEND]([(RESUME, list(resume))])  # LangGraph forgets the answers of which nobody says so
    if found is not None:
        if attempt.asked is not None:
            raise attempt.asked
        return resume[found]
    name = interrupt_id(configurable[NAMESPACE], len(resume))
    schema = schema_of(tool)
    asked = attempt.ask(Interrupt(payloads[-1], id=name, response_schema=dict(schema) if schema else None))
    checkpoint = _checkpoint(configurable)
    yield _Keep(gates.kept, checkpoint, gates.kept.unwritten(checkpoint))
    raise asked


def _answers(configurable: Mapping[str, Any]) -> Mapping[int, str]:
    """The answers of a task that are for gates: what each was decided on, by its number."""
    known = configurable.get(SHOWN)
    if not isinstance(known, Shown):
        return {}
    ids = [interrupt_id(configurable[NAMESPACE], number) for number in range(len(configurable[SCRATCHPAD].resume))]
    return {number: known.payloads[each] for number, each in enumerate(ids) if each in known.gated}


def _drop_answers_to_another(attempt: _Attempt, configurable: Mapping[str, Any], call_id: Json) -> None:
    """Where the node makes another call than the one that was answered, drop that answer and those behind it.

    The call is asked anew in its place, as `drift_guard` does it. A model's id says which call it is. Without one this
    is done only in code that makes its calls in line: of calls side by side, the one that was answered may yet come.
    """
    number = _left(attempt, configurable, call_id)
    if number is not None and (call_id is not None or _is_in_line(attempt, configurable)):
        del configurable[SCRATCHPAD].resume[number:]
        configurable[SEND]([(RESUME, list(configurable[SCRATCHPAD].resume))])


def _left(attempt: _Attempt, configurable: Mapping[str, Any], call_id: Json = None) -> int | None:
    """The first answer to a gate that no call has come for; with an id, of calls that have this id."""
    left = (number for number in _answers(configurable) if number not in attempt.passed_over)
    mark = "" if call_id is None else short_mark(call_id)
    return next((each for each in left if _id_of(configurable, each) == mark), None)


def _id_of(configurable: Mapping[str, Any], number: int) -> str:
    """The mark of the model's id for the call that an answer is for."""
    return str(configurable[SHOWN].gated[interrupt_id(configurable[NAMESPACE], number)])


def _is_in_line(attempt: _Attempt, configurable: Mapping[str, Any]) -> bool:
    if _on_a_loop():
        frame = inspect.currentframe()
        while frame is not None and frame.f_code.co_name not in _NODES:
            frame = frame.f_back
        return frame is not None
    deadline = time.monotonic() + _MEANWHILE_SECONDS
    while time.monotonic() < deadline:  # a thread beside this one may be about to come
        if len(attempt.threads) > 1 or _left(attempt, configurable) is None:
            return False
        time.sleep(_MEANWHILE_SECONDS / 20)
    return True


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_NODES = ("arun_with_retry", "run_with_retry")
"""The functions of LangGraph that run a node: what they call without another task or thread between is in line."""
_MEANWHILE_SECONDS = 0.2


def _run_approved(gates: Gates, call: _Call, given: Any, configurable: Mapping[str, Any]) -> _Plan:
    checkpoint = _checkpoint(configurable)
    try:
        yield _Keep(gates.kept, checkpoint, {call.name: gates.kept.started(call.name, 1)})
    except (Exception, asyncio.CancelledError):  # it does not start
        yield _Keep(gates.kept, checkpoint, {call.name: gates.kept.started(call.name, -1)})
        raise
    try:
        with _running(call):
            result = yield _Start(given)
    except GraphInterrupt:  # something within it asks: it goes on when that is answered
        yield _Keep(gates.kept, checkpoint, {call.name: gates.kept.started(call.name, -1)})
        raise
    done = gates.kept.done(call.name, result, call.answers)
    try:
        yield _Keep(gates.kept, checkpoint, {call.name: done} if done else {})
    except Exception as error:  # noqa: BLE001 - it is done, and the graph hears so; after a crash people are asked again
        _log.warning("the result of a tool call could not be kept", error=str(error))
    return result


def _run_ungated(gates: Gates, call: _Call, given: Any, configurable: Mapping[str, Any]) -> _Plan:
    if call.attempt.asked is not None:
        raise call.attempt.asked
    with _running(call):
        result = yield _Start(given)
    gates.kept.remember(_checkpoint(configurable), call.name, result, call.answers)
    return result


@contextmanager
def _running(call: _Call) -> Iterator[None]:
    """Around a tool that runs."""
    token = _inside.set(call)
    try:
        yield
    finally:
        _inside.reset(token)


def _rejected(tool: BaseTool, call_id: str | None, reason: str) -> Any:
    """What the model, or the node that called, gets in place of a result."""
    told = f"Reason: {reason.strip()}" if reason.strip() else REFUSED
    said = f"The tool {tool.name} was not run. {told}"
    return ToolMessage(said, name=tool.name, tool_call_id=call_id, status="error") if call_id else said


# Where tools start ----------------------------------------------------------------------------------------------------


_gated_here: "Counter[str]" = Counter()
"""The patterns of all agents that are open in this process."""


@contextmanager
def guarding(patterns: Sequence[str]) -> Iterator[None]:
    """While an agent is open that gates these tools."""
    _gated_here.update(patterns)
    try:
        yield
    finally:
        _gated_here.subtract(patterns)
        for each in patterns:
            if not _gated_here[each]:
                del _gated_here[each]


def install() -> None:
    """Gate the tools of this process. May be done many times."""
    with _installing:
        if _GATED not in vars(BaseTool.run):
            BaseTool.run = _gated(BaseTool.run)  # type: ignore[method-assign]
            BaseTool.arun = _gated_async(BaseTool.arun)  # type: ignore[method-assign]


def _gated(run: Any) -> Any:
    @wraps(run)
    def gated(self: BaseTool, tool_input: Any, *more: Any, **named: Any) -> Any:
        plan = _planned(self, tool_input, named.get("tool_call_id"), named.get("config"))
        if plan is None:
            return run(self, tool_input, *more, **named)
        try:
            step = next(plan)
            while True:
                try:
                    did = None
                    if isinstance(step, _Start):
                        did = run(self, step.given, *more, **named)
                    else:
                        step.kept.write_blocking(step.checkpoint, step.calls)
                except BaseException as error:  # noqa: BLE001 - the plan raises it again
                    step = plan.throw(error)
                else:
                    step = plan.send(did)
        except StopIteration as end:
            return end.value

    vars(gated)[_GATED] = run
    return gated


def _gated_async(arun: Any) -> Any:
    @wraps(arun)
    async def gated(self: BaseTool, tool_input: Any, *more: Any, **named: Any) -> Any:
        plan = _planned(self, tool_input, named.get("tool_call_id"), named.get("config"))
        if plan is None:
            return await arun(self, tool_input, *more, **named)
        try:
            step = next(plan)
            while True:
                try:
                    did = None
                    if isinstance(step, _Start):
                        did = await arun(self, step.given, *more, **named)
                    else:
                        await step.kept.write(step.checkpoint, step.calls)
                except BaseException as error:  # noqa: BLE001 - the plan raises it again
                    step = plan.throw(error)
                else:
                    step = plan.send(did)
        except StopIteration as end:
            return end.value

    vars(gated)[_GATED] = arun
    return gated


# Does it hold with this LangGraph and LangChain? ----------------------------------------------------------------------


async def check_contract() -> None:
    """See that gates hold with the releases that are installed. Raises UnguardedError otherwise.

    A node calls a gated tool twice. Each call has to wait for its own approval, and neither may run twice.
    """
    install()
    ran = list[int]()

    def contract(number: int) -> str:
        """Do nothing."""
        ran.append(number)
        return ""

    try:
        seen = [list(ran) async for _ in _approved_in_turn(StructuredTool.from_function(contract))]
    except Exception as error:  # noqa: BLE001 - whatever it is, the contract does not hold
        raise unguarded(type(error).__name__) from None
    if seen != [[], [1], [1, 2]]:
        raise unguarded("gated tools start another way")


async def _approved_in_turn(tool: BaseTool) -> AsyncIterator[None]:
    """Stops whenever the run of a node that calls a tool with 1 and 2 comes to rest."""

    async def node(_: Any) -> Any:
        for number in (1, 2):
            await tool.ainvoke({"number": number})
        return {}

    builder: Any = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    saver = InMemorySaver()
    graph: Any = builder.compile(checkpointer=saver)
    payloads = dict[str, str]()
    given: Any = {"messages": []}
    base = {"thread_id": "contract", FENCE: 0, STRICT_RESUME: True}
    while given is not None:
        stored = await saver.aget_tuple({"configurable": base})
        kept = KeptCalls(saver, {"configurable": base}, of_step(stored.pending_writes or ()) if stored else {})
        known = {SHOWN: Shown(payloads, gated=dict.fromkeys(payloads, "")), GATES: Gates((tool.name,), kept)}
        await graph.ainvoke(given, {"configurable": {**base, **known}})
        yield
        waiting = (await graph.aget_state({"configurable": base})).interrupts
        payloads |= {each.id: payload_mark(each.value) for each in waiting}
        given = Command(resume={each.id: {"decision": "approve"} for each in waiting}) if waiting else None
