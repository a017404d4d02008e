"""Agent Inbox and the prebuilt HumanInterrupt: `{"action_request", "config"}`, alone or as a list of one.

https://github.com/langchain-ai/agent-inbox, https://reference.langchain.com/python/langgraph/agents

Rejecting is `ignore`, which has no room for a reason: the reason stays on the card and in the audit.
"""

from collections.abc import Sequence

from adapters.langgraph.dialects.base import Dialect, Question, described, schema_for, unexpected, value_of
from engine.ask import Action, Ask, Choice, Decision, Json, Kind

_ALLOWS = {
    "allow_accept": Choice.APPROVE,
    "allow_edit": Choice.EDIT,
    "allow_ignore": Choice.REJECT,
    "allow_respond": Choice.ANSWER,
}


def _recognise(question: Question) -> Ask | None:
    payload = question.payload
    match payload[0] if isinstance(payload, list) and len(payload) == 1 else payload:
        case {"action_request": {"action": str(name), "args": args, **request}, "config": dict(config), **rest}:
            choices = tuple(
                choice
                for key, choice in _ALLOWS.items()
                if config.get(key) is True and (question.exact or choice is not Choice.EDIT)
            )
            # What allows nothing can still be refused: nothing is approved for want of a rule.
            choices = choices or (Choice.REJECT,)
            more = described(described(rest.get("description"), rest, "description"), request)
            action = Action(
                name,
                args,
                choices,
                more,
                schema_for(name, args, question),
            )
            return Ask(AGENT_INBOX.name, _kind(choices), "", (action,), payload, question.speaker)
    return None


def _kind(choices: tuple[Choice, ...]) -> Kind:
    return Kind.QUESTION if choices == (Choice.ANSWER,) else Kind.TOOL_CALL


def _encode(ask: Ask, decisions: Sequence[Decision]) -> object:
    (action,), (decision,) = ask.actions, decisions
    return [_response(ask, action, decision)]


def _response(ask: Ask, action: Action, decision: Decision) -> dict[str, Json]:
    match decision.choice:
        case Choice.APPROVE:
            return {"type": "accept", "args": None}
        case Choice.EDIT:
            return {"type": "edit", "args": {"action": action.name, "args": value_of(action, decision)}}
        case Choice.REJECT:
            return {"type": "ignore", "args": None}
        case Choice.ANSWER:
            return {"type": "response", "args": decision.text}
    raise unexpected(ask, decision)


AGENT_INBOX = Dialect("agent_inbox", _recognise, _encode)
