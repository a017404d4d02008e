"""Makes the card that a question leads to, with what each of its choices sends.

`dialects.read` makes the card, as it does while the bot runs. The values shown are those that its encoding or dialect
sends for a decision made of the words of a template.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.langgraph import dialects
from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.dialects import AnswerRule, Question
from adapters.langgraph.dialects.breakpoint import DOES as OF_PAUSES
from adapters.langgraph.dialects.encoded import OPTIONS
from adapters.langgraph.dialects.gated import DOES as OF_GATES
from adapters.langgraph.dialects.gated import GATED
from adapters.langgraph.dialects.general import ANYTHING
from adapters.langgraph.dialects.json_schema import Schema
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.foreseeing.payloads import OBJECT, TEXT
from engine.asks.ask import Action, Ask, Choice, Decision, Json, KnownBy, canonical
from engine.asks.foreseen import Card, OfferedChoice

_DOES: Mapping[str, Mapping[Choice, str]] = {**OF_PAUSES, GATED.name: OF_GATES}
STOPS = "sends nothing: the run stops, and the requester is told"


def card_of(ask: Ask, question: Question, rules: Sequence[AnswerRule]) -> Card:
    """Make the card of an ask that was made from a question."""
    offered = [each for action in ask.actions for each in _offered(ask, action, question)]
    names = ", ".join(dict.fromkeys(action.name for action in ask.actions if action.name))
    choices = tuple(each for at, each in enumerate(offered) if each not in offered[:at])
    return Card(ask.prompt, names, ask.kind, ask.is_question, ask.known_by, choices, _explanation(ask, question, rules))


def configured_card(agent: LocalAgent, path: str) -> tuple[Card, ...]:
    """Make the card of a question that is not known, if an entry of `answers:` is for its node."""
    nodes = (path.rpartition(SEPARATOR)[2], path)
    for rule in agent.spec.answers:
        question = Question({**rule.payload} or dict(OBJECT), nodes=nodes)
        if rule.node is not None and rule.matches(question):
            return (card_of(dialects.read(question, agent.spec.answers), question, agent.spec.answers),)
    return ()


def _offered(ask: Ask, action: Action, question: Question) -> Iterator[OfferedChoice]:
    own = action.own_words or {}
    proofs = _proofs(ask, question)
    for choice in action.choices:
        if choice is Choice.OPTION:
            for option in action.options:
                sends = _encoded(ask, OPTIONS, option.word)
                yield OfferedChoice(choice, sends, proof=proofs.get(option.word, ""), word=option.word)
            continue
        fields = tuple(_fields(action.schema)) if choice is Choice.EDIT else ()
        proof, word = proofs.get(choice.value, ""), own.get(choice.value, "")
        if choice is Choice.REJECT and action.reject_stops:
            yield OfferedChoice(choice, None, STOPS, word=word)
        elif choice in (does := _DOES.get(ask.dialect, {})) and ask.encoding is None:
            yield OfferedChoice(choice, None, does[choice], fields=fields)
        elif ask.encoding is not None:
            yield OfferedChoice(choice, _encoded(ask, choice.value), proof=proof, fields=fields, word=word)
        else:
            value = _by_dialect(ask, action, choice)
            constant = "$" not in canonical(value)
            proof = question.reading.proof_of(value) if question.reading and constant else ""
            yield OfferedChoice(choice, {"resume": value}, proof=proof, fields=fields, word=word)


def _proofs(ask: Ask, question: Question) -> Mapping[str, str]:
    if ask.known_by is not KnownBy.CODE or question.reading is None:
        return {}
    known = question.reading.convention
    return {**{choice.value: each for choice, each in known.proofs.items()}, **{e.word: e.proof for e in known.options}}


def _encoded(ask: Ask, *keys: str) -> Mapping[str, Json]:
    held: Any = ask.encoding
    for key in keys:
        held = held.get(key, {}) if isinstance(held, dict) else {}
    return {name: each for name, each in held.items() if each is not None or name == "resume"}


def _by_dialect(ask: Ask, action: Action, choice: Choice) -> Json:
    """Encode a choice by its dialect, with the words of a template in place of a person's values."""
    value = _words_of_fields(action.value) if isinstance(action.value, dict) else "$value"
    one = replace(action, value=value)
    sent = dialects.encode(replace(ask, actions=(one,)), [Decision(choice, value, "$text")])
    return _shortened(to_json(sent.resume).value, value)


def _words_of_fields(value: Mapping[str, Json]) -> dict[str, Json]:
    return {key: f"$value.{key}" for key in value or (TEXT,)}


def _shortened(sent: Json, value: Json) -> Json:
    """Write `$value` in place of all its fields."""
    if sent == value:
        return "$value"
    match sent:
        case dict():
            return {key: _shortened(each, value) for key, each in sent.items()}
        case list():
            return [_shortened(each, value) for each in sent]
    return sent


def _fields(schema: Schema | None, above: str = "") -> Iterator[str]:
    """List the fields that an edit can change; nothing if it can change all."""
    properties = (schema or {}).get("properties")
    if not isinstance(properties, Mapping):
        return
    if _is_stand_in(properties):
        return  # its fields are made at run time
    for name, part in properties.items():
        if isinstance(part, Mapping) and part.get("readOnly") is not True:
            inner = list(_fields(part, f"{above}{name}."))
            yield from inner or [f"{above}{name}"]


def _is_stand_in(properties: Mapping[str, Json]) -> bool:
    arguments = properties.get("args")
    inner = arguments.get("properties") if isinstance(arguments, Mapping) else None
    return isinstance(inner, Mapping) and set(inner) == {TEXT}


_LIBRARIES = {
    GATED.name: "gate_tools in app.yaml",
    "langchain_tool_approval": "LangChain's HumanInTheLoopMiddleware",
    "langchain_batch": "LangChain's HumanInTheLoopMiddleware",
    "agent_inbox": "Agent Inbox",
    "mcp_elicitation": "MCP elicitation",
}


def _explanation(ask: Ask, question: Question, rules: Sequence[AnswerRule]) -> str:
    """Say how the meaning of the answers is known, if there is more to say."""
    match ask.known_by:
        case KnownBy.RULE:
            number = next((n for n, rule in enumerate(rules) if rule.matches(question)), 0)
            return f"answers[{number}] in app.yaml"
        case KnownBy.LIBRARY:
            return _LIBRARIES.get(ask.dialect, "LangGraph's breakpoints")
        case KnownBy.SCHEMA | KnownBy.CODE:
            return ""
        case KnownBy.HINT if ask.dialect == ANYTHING.name:
            return "the code passes the answer on, and nothing else depends on it"
        case KnownBy.HINT:
            return "its payload looks like one in LangGraph's documentation, and the code does not contradict it"
    reading = question.reading
    why = reading.convention.why if reading is not None else ""
    return why or "the code does not show what an answer does"
