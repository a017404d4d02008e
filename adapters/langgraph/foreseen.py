"""What `signoff check` tells of a graph: each interrupt that its code shows, and the card that it will lead to.

A card here is made as it is while the bot runs: `dialects.read` gets a question with the payload that stands in the
code. Where the graph makes a value while it runs, stand-ins are put in its place, a text and an object; where those
lead to different cards, all of them are told, each with what the payload has to be.

What is sent is what the card's own encoding or dialect sends for a decision that is made of the words of a template.
"""

import itertools
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from adapters.langgraph import dialects
from adapters.langgraph.agents import Agent
from adapters.langgraph.breakpoints import speaks_of
from adapters.langgraph.dialects import AnswerRule, Question
from adapters.langgraph.dialects.breakpoint import DOES, ToolCall, at_breakpoint, before_tools
from adapters.langgraph.dialects.encoded import OPTIONS
from adapters.langgraph.dialects.general import ANYTHING, PROMPTS
from adapters.langgraph.fingerprint import SEPARATOR, is_graph
from adapters.langgraph.plain import plain
from adapters.langgraph.reading import Reading
from adapters.langgraph.reading.reach import Reach, is_of_library
from adapters.langgraph.reading.values import Known, Listed, Made, Mapped, Unknown, Value
from adapters.langgraph.schemas import Schema
from engine.ask import Action, Ask, Choice, Decision, Json, KnownBy
from engine.foreseen import Card, Foreseen, Offered, Payload, entry

_TEXT = "…"
_OBJECT: Mapping[str, Json] = {"name": _TEXT, "args": {_TEXT: _TEXT}, "id": _TEXT}
"""Stands for any object, a tool call among them."""
_MOST_OPEN = 4
"""Values of a payload that are tried as a text and as an object, each apart from the others."""
STOPS = "is not sent: the run stops there, and the requester is told"


def foreseen(agent: Agent) -> list[Foreseen]:
    """Every interrupt that the code of an agent shows, in the order of the nodes, then its breakpoints."""
    rows = list(_of_nodes(agent))
    return [*_with_entries(rows), *_of_breakpoints(agent)]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row, and the questions that it was made of, which an entry of `answers:` has to be for."""

    told: Foreseen
    questions: tuple[Question, ...] = ()


def _of_nodes(agent: Agent) -> Iterator[_Row]:
    gates: list[Any] = []
    for path, node in _nodes(agent.graph):
        reach = Reach(node.bound)
        followed = set()
        for reading in agent.readings.by_path.get(path, ()):
            followed.add(reading.site[-1].rpartition(":")[0])
            yield _of_reading(agent, reading)
        for gate in reach.gates:
            if _stands_at(gate, path, node, agent) and not any(gate is each for each in gates):
                gates.append(gate)
                yield _Row(_of_gate(agent, path, gate))
        theirs = {getattr(sys.modules.get(type(gate).__module__), "__file__", "") for gate in reach.gates}
        lost = {each for each in reach.asks - followed if each.rpartition(":")[0] not in theirs}
        yield from (_Row(_not_followed(agent, path, place)) for place in sorted(lost, key=_by_line))
        if path in agent.readings.unread and not lost and not agent.readings.by_path.get(path):
            why = agent.readings.unread[path]
            yield _Row(Foreseen(path, "", Payload.UNKNOWN, (), f"{why}: what it asks is not known"))


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


def _not_followed(agent: Agent, path: str, place: str) -> Foreseen:
    if is_of_library(place):
        note = "a library asks here, and what it asks is made while it runs"
    else:
        note = agent.readings.unread.get(path, "the way from the node to this interrupt could not be followed")
    return Foreseen(path, _short(place), Payload.UNKNOWN, (), note)


def _short(place: str) -> str:
    return place.replace("\\", "/").rpartition("/")[2]


# A question in the code -----------------------------------------------------------------------------------------------


def _of_reading(agent: Agent, reading: Reading) -> _Row:
    questions = list(_questions(agent, reading))
    made: list[Card] = []
    for question, when in questions:
        card = _card(dialects.read(question, agent.spec.answers), question, agent.spec.answers)
        if not any(_is_alike(card, each) for each in made):
            made.append(replace(card, when=when))
    if len(made) == 1:
        made = [replace(made[0], when="")]
    note = agent.readings.unread.get(reading.path, "")
    told = Foreseen(reading.path, reading.line, _knows(reading.payload), tuple(made), note)
    return _Row(told, tuple(question for question, _ in questions))


def _is_alike(one: Card, other: Card) -> bool:
    """Whether two cards offer the same; where one shows other words, that makes no difference."""
    return replace(one, title="", subject="", when="") == replace(other, title="", subject="", when="")


def _questions(agent: Agent, reading: Reading) -> Iterator[tuple[Question, str]]:
    """The questions that it may be, and what the payload is then."""
    open_places = list(_open_places(reading.payload))
    tried = open_places[:_MOST_OPEN]
    options: list[tuple[Json, ...]] = [
        (_TEXT,) if path and path[-1] in PROMPTS else (_TEXT, dict(_OBJECT)) for path, _ in tried
    ]
    schema = _schema_of(reading.schema)
    nodes = (reading.path.rpartition(SEPARATOR)[2], reading.path)
    for chosen in itertools.product(*options):
        stand_ins: dict[int, Json] = {id(value): each for (_, value), each in zip(tried, chosen, strict=True)}
        payload, exact = _filled(reading.payload, stand_ins)
        said = ", ".join(
            f"{_field(path)} is {'a text' if each == _TEXT else 'an object'}"
            for (path, _), each, option in zip(tried, chosen, options, strict=True)
            if len(option) > 1
        )
        question = Question(
            payload,
            schema,
            exact,
            agent.tools,
            nodes=nodes,
            reading=agent.reading_of(reading.path, payload),
            texts=agent.texts_of(reading.path),
        )
        yield question, said


def _field(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path)) or "the payload"


def _open_places(value: Value, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Value]]:
    """The parts of a payload that may be anything."""
    match value:
        case Mapped():
            for key, each in value.fields.items():
                yield from _open_places(each, (*path, key))
        case Listed():
            for number, each in enumerate(value.items):
                yield from _open_places(each, (*path, number))
        case Known() | Made():
            return
        case Unknown() if value.kind is str:
            return
        case _:
            yield path, value


def _filled(value: Value, stand_ins: Mapping[int, Json]) -> tuple[Json, bool]:
    """A payload as JSON, and whether the graph has it so."""
    if id(value) in stand_ins:
        return stand_ins[id(value)], True
    match value:
        case Known():
            made = plain(value.value)
            return made.value, made.exact
        case Mapped():
            inner = {str(key): _filled(each, stand_ins) for key, each in value.fields.items()}
            return {key: each for key, (each, _) in inner.items()}, all(exact for _, exact in inner.values())
        case Listed():
            items = [_filled(each, stand_ins) for each in value.items]
            return [each for each, _ in items], value.kind is list and all(exact for _, exact in items)
        case Made():
            return {name: _filled(each, stand_ins)[0] for name, each in value.attributes.items()}, False
    return _TEXT, True


def _knows(value: Value) -> Payload:
    """How much of a payload stands in the code."""
    match value:
        case Known():
            return Payload.KNOWN
        case Mapped() | Listed() | Made():
            rest = value.rest if isinstance(value, Mapped) else value.before if isinstance(value, Listed) else None
            known = rest is None and all(_knows(each) is Payload.KNOWN for each in _parts(value))
            return Payload.KNOWN if known else Payload.PARTLY
        case Unknown() if value.kind is str:
            return Payload.PARTLY
    return Payload.UNKNOWN


def _parts(value: Mapped | Listed | Made) -> Sequence[Value]:
    match value:
        case Mapped():
            return list(value.fields.values())
        case Listed():
            return value.items
        case Made():
            return list(value.attributes.values())


def _schema_of(value: Value | None) -> Schema | None:
    """A `response_schema` as LangGraph publishes it."""
    if value is None or (isinstance(value, Known) and value.value is None):
        return None
    if isinstance(value, Known):
        try:
            made = plain(TypeAdapter(value.value).json_schema()).value
        except Exception:  # noqa: BLE001 - a type of which pydantic has no schema: then the node would raise, too
            return None
        return made if isinstance(made, dict) else None
    filled, _ = _filled(value, {})
    return filled if isinstance(filled, dict) else None


# A card ---------------------------------------------------------------------------------------------------------------


def _card(ask: Ask, question: Question, rules: Sequence[AnswerRule]) -> Card:
    offered = [each for action in ask.actions for each in _offered(ask, action, question)]
    names = ", ".join(dict.fromkeys(action.name for action in ask.actions if action.name))
    choices = tuple(each for at, each in enumerate(offered) if each not in offered[:at])
    return Card(ask.prompt, names, ask.kind, ask.is_question, ask.known_by, choices, _why(ask, question, rules))


def _offered(ask: Ask, action: Action, question: Question) -> Iterator[Offered]:
    own = action.own_words or {}
    proofs = _proofs(ask, question)
    for choice in action.choices:
        if choice is Choice.OPTION:
            for option in action.options:
                sends = _encoded(ask, OPTIONS, option.word)
                yield Offered(choice, sends, proof=proofs.get(option.word, ""), word=option.word)
            continue
        fields = tuple(_fields(action.schema)) if choice is Choice.EDIT else ()
        proof, word = proofs.get(choice.value, ""), own.get(choice.value, "")
        if choice is Choice.REJECT and action.reject_stops:
            yield Offered(choice, None, STOPS, word=word)
        elif choice in (does := DOES.get(ask.dialect, {})) and ask.encoding is None:
            yield Offered(choice, None, does[choice], fields=fields)
        elif ask.encoding is not None:
            yield Offered(choice, _encoded(ask, choice.value), proof=proof, fields=fields, word=word)
        else:
            yield Offered(choice, {"resume": _by_dialect(ask, action, choice)}, proof=proof, fields=fields, word=word)


def _proofs(ask: Ask, question: Question) -> Mapping[str, str]:
    if ask.known_by is not KnownBy.CODE or question.reading is None:
        return {}
    return {str(choice): proof for choice, proof in question.reading.convention.proofs.items()}


def _encoded(ask: Ask, *keys: str) -> Mapping[str, Json]:
    held: Any = ask.encoding
    for key in keys:
        held = held.get(key, {}) if isinstance(held, dict) else {}
    return {name: each for name, each in held.items() if each is not None or name == "resume"}


def _by_dialect(ask: Ask, action: Action, choice: Choice) -> Json:
    """What the dialect sends, with the words of a template for what a person adds."""
    value = _worded(action.value) if isinstance(action.value, dict) else "$value"
    one = replace(action, value=value)
    sent = dialects.encode(replace(ask, actions=(one,)), [Decision(choice, value, "$text")])
    return _shortened(plain(sent.resume).value, value)


def _worded(value: Mapping[str, Json]) -> dict[str, Json]:
    return {key: f"$value.{key}" for key in value or (_TEXT,)}


def _shortened(sent: Json, value: Json) -> Json:
    """`$value` in the place of all its fields."""
    if sent == value:
        return "$value"
    match sent:
        case dict():
            return {key: _shortened(each, value) for key, each in sent.items()}
        case list():
            return [_shortened(each, value) for each in sent]
    return sent


def _fields(schema: Schema | None, above: str = "") -> Iterator[str]:
    """The fields that an edit can change, where those are not all."""
    properties = (schema or {}).get("properties")
    if not isinstance(properties, Mapping):
        return
    if set(properties) == set(_OBJECT):
        return  # stands for an object whose fields are made while the graph runs
    for name, part in properties.items():
        if isinstance(part, Mapping) and part.get("readOnly") is not True:
            inner = list(_fields(part, f"{above}{name}."))
            yield from inner or [f"{above}{name}"]


_LIBRARIES = {
    "langchain_tool_approval": "LangChain's HumanInTheLoopMiddleware",
    "langchain_batch": "LangChain's HumanInTheLoopMiddleware",
    "agent_inbox": "Agent Inbox",
    "mcp_elicitation": "MCP elicitation",
}


def _why(ask: Ask, question: Question, rules: Sequence[AnswerRule]) -> str:
    """What the answers are known by, in words."""
    match ask.known_by:
        case KnownBy.RULE:
            number = next((n for n, rule in enumerate(rules) if rule.matches(question)), 0)
            return f"answers[{number}] in app.yaml"
        case KnownBy.LIBRARY:
            return _LIBRARIES.get(ask.dialect, "LangGraph's breakpoints")
        case KnownBy.SCHEMA:
            return "its response_schema"
        case KnownBy.CODE:
            return "the node's own code"
        case KnownBy.HINT if ask.dialect == ANYTHING.name:
            return "the code passes the answer on, and nothing else depends on it"
        case KnownBy.HINT:
            return "its payload looks as in LangGraph's documentation, and the code does not contradict that"
    reading = question.reading
    why = reading.convention.why if reading is not None else ""
    return why or "the code does not show what an answer does"


# LangChain's middleware, breakpoints ----------------------------------------------------------------------------------


def _stands_at(gate: Any, path: str, node: Any, agent: Agent) -> bool:
    """Whether it is this node in which a middleware asks."""
    if getattr(gate, "interrupt_mode", "batched") == "per_call":
        return path in agent.tool_nodes
    held = getattr(node.bound, "func", None) or getattr(node.bound, "afunc", None)
    return getattr(held, "__self__", None) is gate and getattr(held, "__name__", "").endswith("after_model")


def _of_gate(agent: Agent, path: str, gate: Any) -> Foreseen:
    """The card of a middleware, made of its own configuration: each tool that it holds is an action."""
    nodes = (path.rpartition(SEPARATOR)[2], path)
    allowed = {name: list(config["allowed_decisions"]) for name, config in gate.interrupt_on.items()}
    per_call = getattr(gate, "interrupt_mode", "batched") == "per_call"
    made: list[Card] = []
    for name, decisions in allowed.items():
        question = (_one_call if per_call else _one_of_batch)(name, decisions, agent, nodes)
        card = _card(dialects.read(question, agent.spec.answers), question, agent.spec.answers)
        same = next((n for n, each in enumerate(made) if each.choices == card.choices), None)
        if same is None:
            made.append(card)
        else:
            made[same] = replace(made[same], subject=f"{made[same].subject}, {card.subject}")
    return Foreseen(path, "", Payload.PARTLY, tuple(made))


def _one_of_batch(name: str, allowed: list[Json], agent: Agent, nodes: tuple[str, ...]) -> Question:
    request: Json = {"name": name, "args": {}}
    config: Json = {"action_name": name, "allowed_decisions": allowed}
    payload: Json = {"action_requests": [request], "review_configs": [config]}
    return Question(payload, tools=agent.tools, nodes=nodes)


def _one_call(name: str, allowed: list[Json], agent: Agent, nodes: tuple[str, ...]) -> Question:
    branches: list[Json] = [{"type": "object", "properties": {"type": {"const": each}}} for each in allowed]
    payload: Json = {"type": "tool_approval", "name": name, "args": {}}
    return Question(payload, {"oneOf": branches}, tools=agent.tools, nodes=nodes)


def _of_breakpoints(agent: Agent) -> Iterator[Foreseen]:
    for above, gate in agent.gates.items():
        for name in sorted(gate.before):
            yield _breakpoint(agent, f"{above}{name}", before=True)
        for name in sorted(gate.after):
            yield _breakpoint(agent, f"{above}{name}", before=False)


def _breakpoint(agent: Agent, path: str, *, before: bool) -> Foreseen:
    if before and path in agent.tool_nodes:
        ask = before_tools((path,), [ToolCall(_TEXT, "any tool", dict(_OBJECT))], agent.tools)
    else:
        ask = at_breakpoint(speaks_of((path,)) if before else "", (path,), {_TEXT: _TEXT}, may_edit=True)
    question = Question(ask.payload, nodes=(path.rpartition(SEPARATOR)[2], path))
    card = _card(dialects.configured(ask, question, agent.spec.answers), question, agent.spec.answers)
    where = "before" if before else "after"
    title = card.title if before else f'Go on after the step "{speaks_of((path,))}"?'
    choices = tuple(replace(each, fields=()) for each in card.choices)
    return Foreseen(
        path, "", Payload.PARTLY, (replace(card, title=title, choices=choices),), f"a breakpoint {where} it"
    )


# What to add to app.yaml ----------------------------------------------------------------------------------------------


def _with_entries(rows: Sequence[_Row]) -> Iterator[Foreseen]:
    for row in rows:
        told = row.told
        if told.is_known:
            yield told
            continue
        others = [each for each in rows if each is not row and each.told.node == told.node]
        yield replace(told, entry=_entry(told, row.questions, others))


def _entry(told: Foreseen, questions: Sequence[Question], others: Sequence[_Row]) -> str:
    """An entry of `answers:`. Its values are for a person to fill in, and are refused until then."""
    rivals = [each for other in others for each in other.questions]
    fields = _telling(questions, rivals)
    below = "" if questions else "*"  # perhaps a graph asks that the node calls: its nodes stand below this one
    when = f"node: {_yaml(_literal(told.node) + below)}"
    when += f", payload: {_yaml(fields)}" if fields else ""
    more = "This node asks more than this: add payload: {FIELD: VALUE} to say which request is meant."
    return entry(when, more if others and not fields else "")


def _telling(questions: Sequence[Question], rivals: Sequence[Question]) -> dict[str, Json]:
    """Fields of a payload that tell it from others, as few as there need be; none where nothing does, or need be."""
    if not rivals or not questions:
        return {}
    first, *more = [question.payload if isinstance(question.payload, dict) else {} for question in questions]
    same = {key: each for key, each in first.items() if all(each == other.get(key, ...) for other in more)}
    fields = {key: _literal(each) if isinstance(each, str) else each for key, each in same.items() if _tells(each)}
    alone: list[dict[str, Json]] = [{key: each} for key, each in sorted(fields.items(), key=lambda at: len(str(at)))]
    for tried in (*alone, fields):
        if tried and not any(AnswerRule(None, tried, {}).matches(rival) for rival in rivals):
            return tried
    return {}


_LONGEST = 80


def _tells(value: Json) -> bool:
    """Whether it is a constant that can stand in app.yaml as it is."""
    if isinstance(value, str):
        return len(value) <= _LONGEST and value.isprintable() and "${" not in value and _TEXT not in value
    return isinstance(value, bool | int)


def _literal(text: str) -> str:
    """A pattern that is this text alone."""
    return re.sub(r"([*?\[])", r"[\1]", text)


_PLAIN_WORD = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z_][\w./-]*", re.IGNORECASE)


def _yaml(value: Json) -> str:
    """A value in YAML's flow style, on one line."""
    if isinstance(value, str) and _PLAIN_WORD.fullmatch(value):
        return value
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_yaml(key)}: {_yaml(each)}' for key, each in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
