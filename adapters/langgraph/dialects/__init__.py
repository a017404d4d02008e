"""What an interrupt's payload means, and what the graph that sent it expects back.

`DIALECTS` stand in the order of recognition: the first that knows a payload reads it. An Ask names its dialect, so its
answer is encoded by the very dialect that read it, also where another one was added in between.
"""

from collections.abc import Sequence
from dataclasses import replace

from adapters.langgraph.dialects.base import Dialect, Question, Sent
from adapters.langgraph.dialects.breakpoint import BREAKPOINT, NODE_INTERRUPT, TOOLS
from adapters.langgraph.dialects.code import by_code
from adapters.langgraph.dialects.configured import AnswerRule, configured
from adapters.langgraph.dialects.documented import (
    FIELDS,
    GATE,
    QUERY,
    TASK,
    TEXT,
    TOOL_CALL,
    TOOL_CALL_BY_NAME,
    YES_OR_NO,
)
from adapters.langgraph.dialects.edit_forms import changed_read_only
from adapters.langgraph.dialects.elicitation import ELICITATION
from adapters.langgraph.dialects.encoded import A_DECISION, decides, encode_decision, words_may_decide
from adapters.langgraph.dialects.encoded import problems as of_template
from adapters.langgraph.dialects.failure import FAILURE
from adapters.langgraph.dialects.gated import GATED
from adapters.langgraph.dialects.general import ANYTHING, APPROVE_SENTENCE, DECISION, SCHEMA, STRING
from adapters.langgraph.dialects.hinted import by_hint
from adapters.langgraph.dialects.inbox import AGENT_INBOX
from adapters.langgraph.dialects.json_schema import check
from adapters.langgraph.dialects.langchain import BATCH, PER_CALL
from engine.asks.ask import Action, Ask, Choice, Decision, Kind, KnownBy, ValueProblem, unstorable
from engine.ids import UserId

__all__ = ["DIALECTS", "AnswerRule", "Question", "Sent", "configured", "encode", "problems", "read", "words_may_decide"]

DIALECTS: tuple[Dialect, ...] = (
    GATED,  # before SCHEMA: its response_schema describes the arguments
    PER_CALL,  # before SCHEMA: its response_schema describes decisions, not a form
    SCHEMA,
    BATCH,
    AGENT_INBOX,
    ELICITATION,
    TOOL_CALL,
    TOOL_CALL_BY_NAME,
    TEXT,
    TASK,
    FIELDS,
    APPROVE_SENTENCE,
    DECISION,
    YES_OR_NO,
    QUERY,
    GATE,
    STRING,
    ANYTHING,
)
_PAUSES: tuple[Dialect, ...] = (BREAKPOINT, TOOLS, NODE_INTERRUPT, FAILURE)
"""Pauses that no payload shows: see `adapters.langgraph.in_process.decisions.pauses`."""
_LIBRARIES = frozenset(each.name for each in (PER_CALL, SCHEMA, BATCH, AGENT_INBOX, ELICITATION))
"""Dialects that a library or a schema defines: they hold no matter what the code looks like."""
_BY_NAME = {dialect.name: dialect for dialect in (*DIALECTS, *_PAUSES)}


def read(question: Question, rules: Sequence[AnswerRule] = ()) -> Ask:
    """Read an interrupt as an Ask; every payload has one. `rules` are the agent's `answers:`."""
    asks = (dialect.recognise(question) for dialect in DIALECTS)
    ask = _sourced(next(ask for ask in asks if ask is not None))
    if ask.dialect == GATED.name:
        return ask  # its answer is for the gate, even if `answers:` has an entry for the node
    ruled = configured(ask, question, rules)
    if ruled is ask and ask.dialect not in _LIBRARIES:
        ruled = by_code(ask, question, _BY_NAME[ask.dialect].encode) if question.reading else by_hint(ask, question)
    return _with_unsent_reason(_rejectable(ruled))


def _sourced(ask: Ask) -> Ask:
    """Note on the ask that a library or a schema defines its answers."""
    if ask.dialect not in _LIBRARIES:
        return ask
    return replace(ask, known_by=KnownBy.SCHEMA if ask.dialect == SCHEMA.name else KnownBy.LIBRARY)


def _rejectable(ask: Ask) -> Ask:
    """Let people reject every decision: if the graph takes no rejection, the run stops."""
    if ask.is_question or ask.kind is Kind.NOTICE:
        return ask
    return replace(ask, actions=tuple(map(_with_reject, ask.actions)))


def _with_reject(action: Action) -> Action:
    if Choice.REJECT in action.choices:
        return action
    before = [each for each in action.choices if each in (Choice.APPROVE, Choice.EDIT)]
    after = [each for each in action.choices if each not in before]
    # A form is answered first.
    choices = (*before, Choice.REJECT, *after) if before else (*after, Choice.REJECT)
    return replace(action, choices=choices, reject_stops=True)


def _with_unsent_reason(ask: Ask) -> Ask:
    """Note on the ask whether a rejection's reason reaches the graph: if two reasons send the same, it does not."""
    if any(Choice.REJECT not in action.choices or action.reject_stops for action in ask.actions):
        return ask
    one, other = (encode(ask, [Decision(Choice.REJECT, text=text)] * len(ask.actions)) for text in ("a", "b"))
    return replace(ask, actions=tuple(replace(each, reason_unsent=one == other) for each in ask.actions))


def encode(ask: Ask, decisions: Sequence[Decision], by: Sequence[UserId] = ()) -> Sent:
    """Encode decisions for the graph; `by` are the people who decided.

    Raises ValueError if the decisions have problems: call `problems` first.
    """
    if len(decisions) != len(ask.actions):
        raise ValueError(f"{len(ask.actions)} decisions are needed, {len(decisions)} were given")
    if ask.encoding is not None:
        return encode_decision(ask, decisions, by)
    return Sent(_BY_NAME[ask.dialect].encode(ask, decisions))


def problems(ask: Ask, action: int, decision: Decision) -> list[ValueProblem]:
    """Say why a decision about an action cannot be sent; nothing if it can."""
    if ask.dialect not in _BY_NAME:
        return [ValueProblem((), "This was asked by another version of the bot and cannot be answered by this one.")]
    if not 0 <= action < len(ask.actions):
        return [ValueProblem((), "There is no such action in this request.")]
    asked = ask.actions[action]
    if decision.choice not in asked.choices:
        return [ValueProblem((), f"The agent does not take {_WORDS[decision.choice]} here.")]
    unkept = [*unstorable(decision.value), *unstorable(decision.text)]
    return unkept or _of_choice(ask, asked, decision)


def _of_choice(ask: Ask, asked: Action, decision: Decision) -> list[ValueProblem]:
    match decision.choice:
        case Choice.EDIT:
            found = _of_edit(ask, asked, decision)
        case Choice.OPTION:
            found = _of_option(asked, decision)
        case Choice.ANSWER if ask.kind is Kind.FORM:
            found = check(decision.value, asked.schema or {})
        case Choice.ANSWER:
            found = _of_words(ask, decision.text)
        case _:
            found = []
    return found or list(of_template(ask, asked, decision))


def _of_option(action: Action, decision: Decision) -> list[ValueProblem]:
    option = next((each for each in action.options if each.word == decision.option), None)
    if option is None:
        return [ValueProblem((), "The agent does not take this choice here.")]
    return [ValueProblem((), "Please write a few words.")] if option.takes_words and not decision.text.strip() else []


def _of_words(ask: Ask, text: str) -> list[ValueProblem]:
    if not text.strip():
        return [ValueProblem((), "Please write an answer.")]
    return [ValueProblem((), A_DECISION)] if decides(ask, text) else []


_WORDS = {
    Choice.APPROVE: "an approval",
    Choice.EDIT: "a changed value",
    Choice.REJECT: "a rejection",
    Choice.ANSWER: "an answer in words",
    Choice.SKIP: "that it is skipped",
    Choice.REDO: "that it is asked again",
    Choice.OPTION: "a choice of its own",
}


def _of_edit(ask: Ask, action: Action, decision: Decision) -> list[ValueProblem]:
    if ask.kind is Kind.TOOL_CALL and isinstance(action.value, dict) and not isinstance(decision.value, dict):
        return [ValueProblem((), "The arguments of a tool must be an object.")]
    if ask.kind is Kind.TEXT and not (isinstance(decision.value, str) and decision.value.strip()):
        return [ValueProblem((), "Please write a text.")]
    return (
        [*check(decision.value, action.schema), *changed_read_only(action.schema, action.value, decision.value)]
        if action.schema
        else []
    )
