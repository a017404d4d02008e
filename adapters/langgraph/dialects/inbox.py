"""Agent Inbox and the prebuilt HumanInterrupt: `{"action_request", "config"}`, alone or in a list.

https://github.com/langchain-ai/agent-inbox, https://reference.langchain.com/python/langgraph/agents

| the config allows | the card | who |
|---|---|---|
| accept or edit, and more | each with its button; `ignore` is Reject | approvers |
| respond, perhaps ignore | a question: Answer, Ignore | the person whose conversation it is |
| ignore alone | a notice: Got it | anybody there |
| nothing | Reject, which is `ignore`: nothing is approved for want of a rule | approvers |

`ignore` has no room for a reason: it stays on the card and in the audit. A list of requests is one ask of several
actions. Each is decided alone, and the graph gets the responses in their order when all are decided.
"""

from collections.abc import Sequence
from dataclasses import replace

from adapters.langgraph.dialects.base import Dialect, Question, described, schema_for, unexpected, value_of
from adapters.langgraph.dialects.general import only_sentence
from adapters.langgraph.dialects.sentence_kinds import judge
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind

_ALLOWS = {
    "allow_accept": Choice.APPROVE,
    "allow_edit": Choice.EDIT,
    "allow_ignore": Choice.REJECT,
    "allow_respond": Choice.ANSWER,
}
_ASKING = frozenset((Choice.ANSWER, Choice.SKIP))


def _recognise(question: Question) -> Ask | None:
    listed = question.payload if isinstance(question.payload, list) else [question.payload]
    actions = [_action(each, question) for each in listed]
    known = tuple(each for each in actions if each is not None)
    if not known or len(known) != len(actions):
        return None
    kind = _kind(known)
    if kind is Kind.QUESTION and len(known) == 1:
        return _question(known[0], question)
    if kind is Kind.TOOL_CALL:
        known = tuple(_decided(each) for each in known)
    return Ask(AGENT_INBOX.name, kind, "", known, question.payload, question.speaker)


def _action(request: Json, question: Question) -> Action | None:
    match request:
        case {"action_request": {"action": str(name), "args": args, **more}, "config": dict(config), **rest}:
            told = described(described(rest.get("description"), rest, "description"), more)
            return Action(name, args, _choices(config, question), told, schema_for(name, args, question))
    return None


def _choices(config: dict[str, Json], question: Question) -> tuple[Choice, ...]:
    """List the allowed choices; ignoring a request without a decision is no rejection."""
    allowed = tuple(choice for key, choice in _ALLOWS.items() if config.get(key) is True)
    if {Choice.APPROVE, Choice.EDIT}.isdisjoint(allowed):
        asking = tuple(Choice.SKIP if each is Choice.REJECT else each for each in reversed(allowed))
        return asking or (Choice.REJECT,)
    return tuple(each for each in allowed if question.exact or each is not Choice.EDIT) or (Choice.REJECT,)


def _kind(actions: Sequence[Action]) -> Kind:
    """Choose the kind: one decision among the actions makes the request a decision."""
    if not all(_ASKING.issuperset(each.choices) for each in actions):
        return Kind.TOOL_CALL
    return Kind.QUESTION if any(Choice.ANSWER in each.choices for each in actions) else Kind.NOTICE


def _decided(action: Action) -> Action:
    """Turn Ignore into Reject, for a question or a notice beside a decision."""
    choices = (Choice.REJECT if each is Choice.SKIP else each for each in action.choices)
    return replace(action, choices=tuple(choices))


def _question(action: Action, question: Question) -> Ask:
    """Ask a question in the words of its description or arguments, as a decision if they ask for one."""
    told = only_sentence(action.value) if not action.description else None
    words, value = told or (action.description, action.value)
    asked, kind = replace(action, description=words, value=value), Kind.QUESTION
    if told is not None and judge(words).decides:
        asked, kind = _decided(asked), Kind.APPROVAL
    return Ask(AGENT_INBOX.name, kind, "", (asked,), question.payload, question.speaker)


def _encode(ask: Ask, decisions: Sequence[Decision]) -> object:
    return [_response(ask, action, decision) for action, decision in zip(ask.actions, decisions, strict=True)]


def _response(ask: Ask, action: Action, decision: Decision) -> dict[str, Json]:
    match decision.choice:
        case Choice.APPROVE:
            return {"type": "accept", "args": None}
        case Choice.EDIT:
            return {"type": "edit", "args": {"action": action.name, "args": value_of(action, decision)}}
        case Choice.REJECT | Choice.SKIP:
            return {"type": "ignore", "args": None}
        case Choice.ANSWER:
            return {"type": "response", "args": decision.text}
    raise unexpected(ask, decision)


AGENT_INBOX = Dialect("agent_inbox", _recognise, _encode)
