"""The steps of one tool call in a run with gates: ask, start, keep the result.

The steps are a generator, so that `BaseTool.run` and `arun` share them: it yields what to run and what to write.
"""

import asyncio
import inspect
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from langchain_core.messages import ToolMessage
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tools import BaseTool
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt
from pydantic import ValidationError

from adapters.langgraph import sentences
from adapters.langgraph.config_keys import FENCE, GATES, NAMESPACE, RESUME, SCRATCHPAD, SEND, SHOWN, interrupt_id
from adapters.langgraph.dialects.gated import payload_of
from adapters.langgraph.errors import ToolNotAskedError
from adapters.langgraph.guards.drift import AnsweredPayloads, begin_task, payload_mark, short_mark
from adapters.langgraph.guards.gates import Attempt, Gates, RunningCall, checkpoint_of, gated_here, innermost, matches
from adapters.langgraph.guards.kept_calls import KeptCall, KeptCalls
from adapters.langgraph.guards.own_question import asks_first
from adapters.langgraph.guards.tool_args import as_read, edited, schema_of, shown
from adapters.langgraph.guards.tool_starts import decided_before
from engine.asks.ask import Json

_log = structlog.get_logger(__name__)
_NODES = ("arun_with_retry", "run_with_retry")
"""The functions of LangGraph that run a node: code that they call without another task or thread is in line."""
_MEANWHILE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class StartTool:
    """A step: run the tool with this input."""

    given: Any


@dataclass(frozen=True, slots=True)
class KeepCalls:
    """A step: write the state of these calls."""

    kept: KeptCalls
    checkpoint: str
    calls: Mapping[str, KeptCall]


Steps: TypeAlias = Generator[StartTool | KeepCalls, Any, Any]


def steps_of(tool: BaseTool, given: Any, call: str | None, config: Any) -> Steps | None:
    """The steps of a call; None for one that just runs, outside of a run of an agent with gates.

    Raises ToolNotAskedError for a gated tool that is called where nobody can be asked.
    """
    configurable = _configurable_of_run(config)
    gates = configurable.get(GATES) if configurable else None
    if configurable is not None and gates is None:
        return None  # in a run of an agent without gates
    if isinstance(gates, Gates) and configurable is not None and SCRATCHPAD in configurable:
        return _until_kept(gates, tool, given, call, configurable)
    if gates.gates(tool.name) if isinstance(gates, Gates) else matches([*gated_here], tool.name):
        _log.error("a gated tool was called where nobody can be asked", tool=tool.name)
        raise ToolNotAskedError(sentences.called_outside_run(tool.name))
    return None


def _configurable_of_run(config: Any) -> Mapping[str, Any] | None:
    """The configurable part of a run of Signoff's: the call's own, or that of the code around it."""
    for each in (config, var_child_runnable_config.get()):
        found: Mapping[str, Any] = (each or {}).get("configurable") or {}
        if FENCE in found:
            return found
    return None


def _until_kept(
    gates: Gates, tool: BaseTool, given: Any, call_id: str | None, configurable: Mapping[str, Any]
) -> Steps:
    with gates.under_way():
        return (yield from _ask_and_run(gates, tool, given, call_id, configurable))


def _ask_and_run(
    gates: Gates, tool: BaseTool, given: Any, call_id: str | None, configurable: Mapping[str, Any]
) -> Steps:
    attempt, around = gates.attempt(configurable[SCRATCHPAD]), innermost.get()
    read, refused = _read_args(tool, given, call_id)
    args = shown(tool, given, read)
    inside = around.name if around is not None and around.attempt is attempt else ""
    name, before = attempt.name(configurable[NAMESPACE], inside, call_id, tool.name, args)
    known = gates.kept.find(name)
    if known.result is not None:
        attempt.taken.update(known.answers)
        return gates.kept.value(known)
    call = RunningCall(name, attempt, around if inside else None)
    if not gates.gates(tool.name) or _is_decided_elsewhere(gates, tool, call_id, before, configurable):
        return (yield from _run_ungated(gates, call, given, configurable))
    if refused is not None and not tool.handle_validation_error:
        raise refused
    asked = [payload_of(tool.name, args, name, call_id, starts) for starts in range(known.starts + 1)]
    match (yield from _find_answer(gates, tool, asked, call, configurable)):
        case {"decision": "approve"}:
            return (yield from _run_approved(gates, call, given, configurable))
        case {"decision": "edit", "args": dict(after)}:
            changed = edited(tool, given, args, after)
            return (yield from _run_approved(gates, call, changed, configurable))
        case {"decision": "reject", "reason": str(reason)}:
            return _rejected(tool, call_id, reason)
        case _:
            raise ToolNotAskedError(sentences.answer_unknown(tool.name))


def _read_args(tool: BaseTool, given: Any, call_id: str | None) -> tuple[Mapping[str, Any], ValidationError | None]:
    """The arguments as the tool reads them, and its error if it refuses them."""
    try:
        return as_read(tool, given, call_id), None
    except ValidationError as error:
        refused: ValidationError | None = error
    except Exception:  # noqa: BLE001 - the tool's own validators: people see the arguments as they came
        refused = None
    return (given if isinstance(given, dict) else {next(iter(tool.args), "input"): given}), refused


def _is_decided_elsewhere(
    gates: Gates, tool: BaseTool, call_id: str | None, before: int, configurable: Mapping[str, Any]
) -> bool:
    """Tell whether people decide this call by other means than a gate."""
    if asks_first(tool):
        return True
    if before or not call_id or not decided_before(tool, call_id, configurable):
        return False
    which = configurable[NAMESPACE], call_id
    if which in gates.decided_before:
        return False
    gates.decided_before.add(which)
    return True


def _find_answer(
    gates: Gates,
    tool: BaseTool,
    payloads: Sequence[dict[str, Json]],
    call: RunningCall,
    configurable: Mapping[str, Any],
) -> Steps:
    """Find the answer to this very call. Raises GraphInterrupt if there is none yet.

    `payloads` are the requests before each start without a result, and last the present one.
    """
    begin_task(configurable)
    attempt, resume = call.attempt, configurable[SCRATCHPAD].resume
    answers = _answers_to_gates(configurable)
    marks = [payload_mark(each) for each in payloads]
    own = [number for number, mark in answers.items() if mark in marks]
    with attempt.lock:
        attempt.taken.update(own)
    call.answers += own
    found = next((number for number in own if answers[number] == marks[-1]), None)
    if not own:
        _drop_answers_to_another(attempt, configurable, payloads[-1].get("id"))
    if resume:
        configurable[SEND]([(RESUME, list(resume))])  # LangGraph forgets answers that no task writes again
    if found is not None:
        if attempt.asked is not None:
            raise attempt.asked
        return resume[found]
    name = interrupt_id(configurable[NAMESPACE], len(resume))
    schema = schema_of(tool)
    asked = attempt.ask(Interrupt(payloads[-1], id=name, response_schema=dict(schema) if schema else None))
    checkpoint = checkpoint_of(configurable)
    yield KeepCalls(gates.kept, checkpoint, gates.kept.unwritten(checkpoint))
    raise asked


def _answers_to_gates(configurable: Mapping[str, Any]) -> Mapping[int, str]:
    """The task's answers to gates: the mark of each one's payload, by number."""
    known = configurable.get(SHOWN)
    if not isinstance(known, AnsweredPayloads):
        return {}
    ids = [interrupt_id(configurable[NAMESPACE], number) for number in range(len(configurable[SCRATCHPAD].resume))]
    return {number: known.payloads[each] for number, each in enumerate(ids) if each in known.gated}


def _drop_answers_to_another(attempt: Attempt, configurable: Mapping[str, Any], call_id: Json) -> None:
    """Drop an answer, and the later ones, if the node makes another call than the one that was answered.

    The new call asks in its place, as in `drift`. A model's id says which call it is. Without an id this is done only
    in code that makes its calls in line: among calls side by side, the one that was answered may still come.
    """
    number = _first_unclaimed(attempt, configurable, call_id)
    if number is not None and (call_id is not None or _is_in_line(attempt, configurable)):
        del configurable[SCRATCHPAD].resume[number:]
        configurable[SEND]([(RESUME, list(configurable[SCRATCHPAD].resume))])


def _first_unclaimed(attempt: Attempt, configurable: Mapping[str, Any], call_id: Json = None) -> int | None:
    """The first answer to a gate that no call has taken; with an id, among calls with this id."""
    left = (number for number in _answers_to_gates(configurable) if number not in attempt.taken)
    mark = "" if call_id is None else short_mark(call_id)
    return next((each for each in left if _mark_of_call_id(configurable, each) == mark), None)


def _mark_of_call_id(configurable: Mapping[str, Any], number: int) -> str:
    """The mark of the model's id for the answered call."""
    return str(configurable[SHOWN].gated[interrupt_id(configurable[NAMESPACE], number)])


def _is_in_line(attempt: Attempt, configurable: Mapping[str, Any]) -> bool:
    if _on_a_loop():
        frame = inspect.currentframe()
        while frame is not None and frame.f_code.co_name not in _NODES:
            frame = frame.f_back
        return frame is not None
    deadline = time.monotonic() + _MEANWHILE_SECONDS
    while time.monotonic() < deadline:  # a call in another thread may be about to come
        if len(attempt.threads) > 1 or _first_unclaimed(attempt, configurable) is None:
            return False
        time.sleep(_MEANWHILE_SECONDS / 20)
    return True


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_approved(gates: Gates, call: RunningCall, given: Any, configurable: Mapping[str, Any]) -> Steps:
    checkpoint = checkpoint_of(configurable)
    try:
        yield KeepCalls(gates.kept, checkpoint, {call.name: gates.kept.started(call.name, 1)})
    except (Exception, asyncio.CancelledError):  # the call does not start
        yield KeepCalls(gates.kept, checkpoint, {call.name: gates.kept.started(call.name, -1)})
        raise
    try:
        with call.running():
            result = yield StartTool(given)
    except GraphInterrupt:  # its own code asks: the call goes on when that is answered
        yield KeepCalls(gates.kept, checkpoint, {call.name: gates.kept.started(call.name, -1)})
        raise
    done = gates.kept.done(call.name, result, call.answers)
    yield from _keep_result(KeepCalls(gates.kept, checkpoint, {call.name: done} if done else {}))
    return result


def _run_ungated(gates: Gates, call: RunningCall, given: Any, configurable: Mapping[str, Any]) -> Steps:
    if call.attempt.asked is not None:
        raise call.attempt.asked
    with call.running():
        result = yield StartTool(given)
    checkpoint = checkpoint_of(configurable)
    gates.kept.remember(checkpoint, call.name, result, call.answers)
    if call.attempt.pauses:  # another call has asked meanwhile, and wrote only what had ended before
        yield from _keep_result(KeepCalls(gates.kept, checkpoint, gates.kept.unwritten(checkpoint)))
    return result


def _keep_result(step: KeepCalls) -> Steps:
    try:
        yield step
    except Exception as error:  # noqa: BLE001 - the call was made, so the graph goes on; a crash asks again
        _log.warning("the result of a tool call could not be kept", error=str(error))


def _rejected(tool: BaseTool, call_id: str | None, reason: str) -> Any:
    """The result for the model, or for the node that called."""
    said = sentences.tool_not_run(tool.name, reason)
    return ToolMessage(said, name=tool.name, tool_call_id=call_id, status="error") if call_id else said
