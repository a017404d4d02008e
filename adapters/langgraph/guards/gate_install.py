"""Puts the gates where tools of LangChain start, and checks that they work with the installed releases."""

import threading
from collections.abc import AsyncIterator
from functools import wraps
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from adapters.langgraph.config_keys import FENCE, GATES, SHOWN, STRICT_RESUME
from adapters.langgraph.guards.drift import AnsweredPayloads, payload_mark, unguarded
from adapters.langgraph.guards.gated_call import StartTool, steps_of
from adapters.langgraph.guards.gates import Gates
from adapters.langgraph.guards.kept_calls import KeptCalls, of_step

_installing = threading.Lock()
_GATED = "_signoff_gated"


def install() -> None:
    """Gate the tools of this process. May be called many times."""
    with _installing:
        if _GATED not in vars(BaseTool.run):
            BaseTool.run = _gated(BaseTool.run)  # type: ignore[method-assign]
            BaseTool.arun = _gated_async(BaseTool.arun)  # type: ignore[method-assign]


def _gated(run: Any) -> Any:
    @wraps(run)
    def gated(self: BaseTool, tool_input: Any, *more: Any, **named: Any) -> Any:
        steps = steps_of(self, tool_input, named.get("tool_call_id"), named.get("config"))
        if steps is None:
            return run(self, tool_input, *more, **named)
        try:
            step = next(steps)
            while True:
                try:
                    did = None
                    if isinstance(step, StartTool):
                        did = run(self, step.given, *more, **named)
                    else:
                        step.kept.write_blocking(step.checkpoint, step.calls)
                except BaseException as error:  # noqa: BLE001 - the steps raise it again
                    step = steps.throw(error)
                else:
                    step = steps.send(did)
        except StopIteration as end:
            return end.value

    vars(gated)[_GATED] = run
    return gated


def _gated_async(arun: Any) -> Any:
    @wraps(arun)
    async def gated(self: BaseTool, tool_input: Any, *more: Any, **named: Any) -> Any:
        steps = steps_of(self, tool_input, named.get("tool_call_id"), named.get("config"))
        if steps is None:
            return await arun(self, tool_input, *more, **named)
        try:
            step = next(steps)
            while True:
                try:
                    did = None
                    if isinstance(step, StartTool):
                        did = await arun(self, step.given, *more, **named)
                    else:
                        await step.kept.write(step.checkpoint, step.calls)
                except BaseException as error:  # noqa: BLE001 - the steps raise it again
                    step = steps.throw(error)
                else:
                    step = steps.send(did)
        except StopIteration as end:
            return end.value

    vars(gated)[_GATED] = arun
    return gated


# Check of the installed LangGraph and LangChain -----------------------------------------------------------------------


async def check_contract() -> None:
    """Check that gates work with the installed releases. Raises UnguardedError otherwise.

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
    except Exception as error:  # noqa: BLE001 - whatever it is, gates do not work
        raise unguarded(type(error).__name__) from None
    if seen != [[], [1], [1, 2]]:
        raise unguarded("gated tools start another way")


async def _approved_in_turn(tool: BaseTool) -> AsyncIterator[None]:
    """Run a node that calls a tool with 1 and 2, and yield at each pause, and at the end."""

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
        known = {SHOWN: AnsweredPayloads(payloads, gated=dict.fromkeys(payloads, "")), GATES: Gates((tool.name,), kept)}
        await graph.ainvoke(given, {"configurable": {**base, **known}})
        yield
        waiting = (await graph.aget_state({"configurable": base})).interrupts
        payloads |= {each.id: payload_mark(each.value) for each in waiting}
        given = Command(resume={each.id: {"decision": "approve"} for each in waiting}) if waiting else None
