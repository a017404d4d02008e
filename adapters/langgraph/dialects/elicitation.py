"""MCP elicitation: a tool of an MCP server needs input during a call, and `langchain.mcp` asks with an interrupt.

The payloads are those of `MCPElicitationInterrupt` and `MCPElicitationResume` of langchain 1.4 (beta):
https://reference.langchain.com/python/langchain/mcp/elicitation, and the meaning of the three actions is MCP's:
https://modelcontextprotocol.io/specification/2025-06-18/client/elicitation

    {"type": "mcp_elicitation", "tool_name": str, "requests": [
        {"key": str, "message": str, "mode": "form", "requested_schema": {...}},
        {"key": str, "message": str, "mode": "url", "url": str}]}
    -> {"responses": {KEY: {"action": "accept", "content": {...}} | {"action": "decline"} | {"action": "cancel"}}}

| | `form` | `url` |
|---|---|---|
| answer | accept, with the content | |
| approve | | accept: the person agrees to open the link |
| reject | decline: the tool goes on without it | decline |
| skip | cancel: the tool call is abandoned | cancel |

Every request of a round needs its answer, by its key, so a round is one ask of several actions. Requests of a sort that
is not known here are left to the dialects after this one.
"""

from collections.abc import Sequence

from adapters.langgraph.dialects.base import Dialect, Question, described, literal, unexpected
from adapters.langgraph.dialects.general import reads_like_a_verdict
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind

_FORM = (Choice.ANSWER, Choice.REJECT, Choice.SKIP)
_URL = (Choice.APPROVE, Choice.REJECT, Choice.SKIP)


def _recognise(question: Question) -> Ask | None:
    match question.payload:
        case {"type": "mcp_elicitation", "tool_name": str(tool), "requests": [_, *_] as requests, **rest}:
            found = [_action(request, alone=len(requests) == 1) for request in requests]
            actions = tuple(action for action in found if action is not None)
            if len(actions) != len(requests) or len({action.name for action in actions}) != len(actions):
                return None
            prompt = "\n\n".join(each for each in (_asked(tool, requests), described(None, rest)) if each)
            verdict = any(reads_like_a_verdict(dict(action.schema)) for action in actions if action.schema)
            return Ask(ELICITATION.name, Kind.FORM, prompt, actions, question.payload, question.speaker, verdict)
    return None


def _asked(tool: str, requests: Sequence[Json]) -> str:
    if len(requests) == 1 and isinstance(requests[0], dict):
        return f"{requests[0]['message']}\n\ntool: {literal(tool)}"
    return f"{literal(tool)} needs {len(requests)} answers"


def _action(request: Json, *, alone: bool) -> Action | None:
    match request:
        case {"key": str(key), "message": str(message), "mode": "form", "requested_schema": dict(schema), **rest}:
            if not isinstance(schema.get("properties"), dict):
                return None
            return Action(key, None, _FORM, described("" if alone else message, rest), schema)
        case {"key": str(key), "message": str(message), "mode": "url", "url": str(url), **rest}:
            words = described("" if alone else message, rest)
            return Action(key, {"url": url}, _URL, words)
    return None


def _encode(ask: Ask, decisions: Sequence[Decision]) -> object:
    pairs = zip(ask.actions, decisions, strict=True)
    return {"responses": {action.name: _response(ask, decision) for action, decision in pairs}}


def _response(ask: Ask, decision: Decision) -> dict[str, Json]:
    match decision.choice:
        case Choice.ANSWER:
            return {"action": "accept", "content": decision.value}
        case Choice.APPROVE:
            return {"action": "accept"}
        case Choice.REJECT:
            return {"action": "decline"}
        case Choice.SKIP:
            return {"action": "cancel"}
    raise unexpected(ask, decision)


ELICITATION = Dialect("mcp_elicitation", _recognise, _encode)
