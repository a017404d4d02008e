"""Lists the interrupts that an agent's code shows, each with the cards that it may lead to.

If a payload may lead to different cards, each is listed with what the payload has to be. An interrupt that a node names
and that the reader did not reach is listed as one that could not be followed.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.langgraph import dialects
from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.dialects import Question
from adapters.langgraph.fingerprint import SEPARATOR, is_graph
from adapters.langgraph.foreseeing.cards import card_of, configured_card
from adapters.langgraph.foreseeing.entries import entry_for
from adapters.langgraph.foreseeing.gates import asks_in, node_that_stops, of_breakpoints, of_gate, of_gated_tools
from adapters.langgraph.foreseeing.payloads import known_share, questions
from adapters.langgraph.reading import Reading
from adapters.langgraph.reading.reach import Reach, is_of_library
from engine.asks.foreseen import Card, Foreseen, Payload


def foreseen(agent: LocalAgent) -> list[Foreseen]:
    """List the interrupts that an agent's code shows, in the order of the nodes, then its breakpoints and gates."""
    rows = list(_of_nodes(agent))
    return [*_with_entries(rows), *of_breakpoints(agent), *of_gated_tools(agent)]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the report, and the questions that it was made from: an entry of `answers:` has to match them."""

    told: Foreseen
    questions: tuple[Question, ...] = ()


def _of_nodes(agent: LocalAgent) -> Iterator[_Row]:
    gates: list[Any] = []
    for path, node in _nodes(agent.graph):
        reach = Reach(node.bound)
        followed = set()
        for reading in agent.readings.by_path.get(path, ()):
            followed.add(reading.site[-1].rpartition(":")[0])
            yield _of_reading(agent, reading)
        for gate in reach.gates:
            if asks_in(gate, path, node, agent) and not any(gate is each for each in gates):
                gates.append(gate)
                yield _Row(of_gate(agent, path, gate))
        theirs = {getattr(sys.modules.get(type(gate).__module__), "__file__", "") for gate in reach.gates}
        lost = {each for each in reach.asks - followed if each.rpartition(":")[0] not in theirs}
        yield from (_Row(_not_followed(agent, path, place)) for place in sorted(lost, key=_by_line))
        yield from (_Row(node_that_stops(path, _short(place))) for place in sorted(reach.stops, key=_by_line))
        if path in agent.readings.unread and not lost and not agent.readings.by_path.get(path):
            note = f"{agent.readings.unread[path]}: its requests are not known"
            yield _Row(Foreseen(path, "", Payload.UNKNOWN, configured_card(agent, path), note))


def _nodes(graph: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, node in graph.nodes.items():
        inner = [step for step in getattr(node.bound, "steps", None) or [node.bound] if is_graph(step)]
        for each in inner:
            yield from _nodes(each, f"{above}{name}{SEPARATOR}")
        if not inner:
            yield f"{above}{name}", node


def _by_line(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return file, int(line)


def _not_followed(agent: LocalAgent, path: str, place: str) -> Foreseen:
    if is_of_library(place):
        note = "a library asks here, and makes its request at run time"
    else:
        note = agent.readings.unread.get(path, "the code from the node to this interrupt could not be followed")
    return Foreseen(path, _short(place), Payload.UNKNOWN, configured_card(agent, path), note)


def _short(place: str) -> str:
    return place.replace("\\", "/").rpartition("/")[2]


def _of_reading(agent: LocalAgent, reading: Reading) -> _Row:
    asked = list(questions(agent, reading))
    made: list[Card] = []
    for question, when in asked:
        card = card_of(dialects.read(question, agent.spec.answers), question, agent.spec.answers)
        if not any(_is_alike(card, each) for each in made):
            made.append(replace(card, when=when))
    if len(made) == 1:
        made = [replace(made[0], when="")]
    note = agent.readings.unread.get(reading.path, "")
    told = Foreseen(reading.path, reading.line, known_share(reading.payload), tuple(made), note)
    return _Row(told, tuple(question for question, _ in asked))


def _is_alike(one: Card, other: Card) -> bool:
    """Tell whether two cards offer the same choices, in other words perhaps."""
    return replace(one, title="", subject="", when="") == replace(other, title="", subject="", when="")


def _with_entries(rows: Sequence[_Row]) -> Iterator[Foreseen]:
    for row in rows:
        told = row.told
        if told.is_known:
            yield told
            continue
        beside = [each.questions for each in rows if each is not row and each.told.node == told.node]
        yield replace(told, entry=entry_for(told.node, row.questions, beside))
