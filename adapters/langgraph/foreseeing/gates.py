"""Lists what asks without an `interrupt(...)` in a node's code: LangChain's middleware, breakpoints, NodeInterrupt."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from adapters.langgraph import dialects
from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.dialects import Question
from adapters.langgraph.dialects.breakpoint import ToolCall, at_breakpoint, before_tools, node_interrupt
from adapters.langgraph.dialects.gated import payload_of
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.foreseeing.cards import card_of
from adapters.langgraph.foreseeing.payloads import OBJECT, TEXT
from adapters.langgraph.guards.gates import matches
from adapters.langgraph.guards.own_question import asks_first
from adapters.langgraph.guards.tool_args import schema_of
from adapters.langgraph.loading.tools_seen import tools_of
from adapters.langgraph.sentences import steps
from engine.asks.ask import Json
from engine.asks.foreseen import Card, Foreseen, Payload


def asks_in(gate: Any, path: str, node: Any, agent: LocalAgent) -> bool:
    """Tell whether a middleware asks in this node."""
    if getattr(gate, "interrupt_mode", "batched") == "per_call":
        return path in agent.tool_nodes
    held = getattr(node.bound, "func", None) or getattr(node.bound, "afunc", None)
    return getattr(held, "__self__", None) is gate and getattr(held, "__name__", "").endswith("after_model")


def of_gate(agent: LocalAgent, path: str, gate: Any) -> Foreseen:
    """Make the card of a middleware from its own configuration: each of its tools is an action."""
    nodes = (path.rpartition(SEPARATOR)[2], path)
    allowed = {name: list(config["allowed_decisions"]) for name, config in gate.interrupt_on.items()}
    per_call = getattr(gate, "interrupt_mode", "batched") == "per_call"
    made: list[Card] = []
    for name, decisions in allowed.items():
        question = (_one_call if per_call else _one_of_batch)(name, decisions, agent, nodes)
        card = card_of(dialects.read(question, agent.spec.answers), question, agent.spec.answers)
        same = next((n for n, each in enumerate(made) if each.choices == card.choices), None)
        if same is None:
            made.append(card)
        else:
            made[same] = replace(made[same], subject=f"{made[same].subject}, {card.subject}")
    return Foreseen(path, "", Payload.PARTLY, tuple(made))


def _one_of_batch(name: str, allowed: list[Json], agent: LocalAgent, nodes: tuple[str, ...]) -> Question:
    request: Json = {"name": name, "args": {}}
    config: Json = {"action_name": name, "allowed_decisions": allowed}
    payload: Json = {"action_requests": [request], "review_configs": [config]}
    return Question(payload, tools=agent.tools, nodes=nodes)


def _one_call(name: str, allowed: list[Json], agent: LocalAgent, nodes: tuple[str, ...]) -> Question:
    branches: list[Json] = [{"type": "object", "properties": {"type": {"const": each}}} for each in allowed]
    payload: Json = {"type": "tool_approval", "name": name, "args": {}}
    return Question(payload, {"oneOf": branches}, tools=agent.tools, nodes=nodes)


def of_gated_tools(agent: LocalAgent) -> Iterator[Foreseen]:
    """List the tools that `gate_tools` gates; those that ask first themselves have rows of their own."""
    found = tools_of(agent.graph) if agent.spec.gate_tools else {}
    gated = {name: tool for name, tool in found.items() if matches(agent.spec.gate_tools, name)}
    for name, tool in sorted(gated.items()):
        if asks_first(tool):
            continue
        question = Question(payload_of(name, dict(OBJECT), ""), schema_of(tool))
        card = card_of(dialects.read(question), question, ())
        yield Foreseen("any step", "", Payload.PARTLY, (card,), "a tool that is about to start")


def node_that_stops(path: str, place: str) -> Foreseen:
    """Describe a node that stops itself with the deprecated NodeInterrupt."""
    ask = node_interrupt(steps((path,)), [TEXT], {TEXT: TEXT}, may_edit=True)
    card = card_of(ask, Question(ask.payload, nodes=(path,)), ())
    choices = tuple(replace(each, fields=()) for each in card.choices)
    return Foreseen(
        path, place, Payload.PARTLY, (replace(card, choices=choices),), "NodeInterrupt, which is deprecated"
    )


def of_breakpoints(agent: LocalAgent) -> Iterator[Foreseen]:
    """List the breakpoints of the graph and its subgraphs, and those of `app.yaml`."""
    for above, breakpoints in agent.breakpoints.items():
        for name in sorted(breakpoints.before):
            yield _breakpoint(agent, f"{above}{name}", before=True)
        for name in sorted(breakpoints.after):
            yield _breakpoint(agent, f"{above}{name}", before=False)


def _breakpoint(agent: LocalAgent, path: str, *, before: bool) -> Foreseen:
    if before and path in agent.tool_nodes:
        ask = before_tools((path,), [ToolCall(TEXT, "any tool", dict(OBJECT))], agent.tools)
    else:
        ask = at_breakpoint(steps((path,)) if before else "", (path,), {TEXT: TEXT}, may_edit=True)
    question = Question(ask.payload, nodes=(path.rpartition(SEPARATOR)[2], path))
    card = card_of(dialects.configured(ask, question, agent.spec.answers), question, agent.spec.answers)
    where = "before" if before else "after"
    title = card.title if before else f'Go on after the step "{steps((path,))}"?'
    choices = tuple(replace(each, fields=()) for each in card.choices)
    return Foreseen(
        path, "", Payload.PARTLY, (replace(card, title=title, choices=choices),), f"a breakpoint {where} it"
    )
