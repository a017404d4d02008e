"""The dialects in the order of recognition: the first that knows a payload reads it.

An Ask names its dialect, so the dialect that read it also encodes its answer, even if another one was added since.
"""

from collections.abc import Sequence
from dataclasses import replace

from adapters.langgraph.dialects.base import Dialect, Question, Sent
from adapters.langgraph.dialects.breakpoint import BREAKPOINT, NODE_INTERRUPT, TOOLS
from adapters.langgraph.dialects.by_code import by_code
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
from adapters.langgraph.dialects.elicitation import ELICITATION
from adapters.langgraph.dialects.encoded import encode_decision
from adapters.langgraph.dialects.failure import FAILURE
from adapters.langgraph.dialects.gated import GATED
from adapters.langgraph.dialects.general import ANYTHING, APPROVE_SENTENCE, DECISION, SCHEMA, STRING
from adapters.langgraph.dialects.hinted import by_hint
from adapters.langgraph.dialects.inbox import AGENT_INBOX
from adapters.langgraph.dialects.langchain import BATCH, PER_CALL
from engine.asks.ask import Action, Ask, Choice, Decision, Kind, KnownBy
from engine.ids import UserId

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
BY_NAME = {dialect.name: dialect for dialect in (*DIALECTS, *_PAUSES)}


def read(question: Question, rules: Sequence[AnswerRule] = ()) -> Ask:
    """Read an interrupt as an Ask; every payload has one. `rules` are the agent's `answers:`."""
    asks = (dialect.recognise(question) for dialect in DIALECTS)
    ask = _with_source(next(ask for ask in asks if ask is not None))
    if ask.dialect == GATED.name:
        return ask  # its answer is for the gate, even if `answers:` has an entry for the node
    ruled = configured(ask, question, rules)
    if ruled is ask and ask.dialect not in _LIBRARIES:
        ruled = by_code(ask, question, BY_NAME[ask.dialect].encode) if question.reading else by_hint(ask, question)
    return _with_unsent_reason(_with_rejects(ruled))


def _with_source(ask: Ask) -> Ask:
    """Note on the ask that a library or a schema defines its answers."""
    if ask.dialect not in _LIBRARIES:
        return ask
    return replace(ask, known_by=KnownBy.SCHEMA if ask.dialect == SCHEMA.name else KnownBy.LIBRARY)


def _with_rejects(ask: Ask) -> Ask:
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
    return Sent(BY_NAME[ask.dialect].encode(ask, decisions))
