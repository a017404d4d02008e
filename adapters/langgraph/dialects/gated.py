"""A tool call that `gate_tools` in `app.yaml` stops before it starts: see `adapters.langgraph.guards.gates`.

The interrupt's value says which call it is, and its `response_schema` what the arguments have to fit. Only the gate
reads the answer: no code of the graph sees it, and no entry of `answers:` changes it.
"""

from collections.abc import Mapping, Sequence

from adapters.langgraph.dialects.base import Dialect, Question, schema_for, unexpected, value_of
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind, KnownBy

TYPE = "signoff_gated_tool"
_CHOICES = (Choice.APPROVE, Choice.EDIT, Choice.REJECT)
DOES: Mapping[Choice, str] = {
    Choice.APPROVE: "runs the tool call",
    Choice.EDIT: "runs the tool call with the changed arguments",
    Choice.REJECT: "does not run the tool call; the reason is its result",
}
"""The effect of each choice, for `signoff check`."""
MAY_HAVE_RUN = (
    "**This call was approved before and started, but its result is not known:** it failed, or the process ended while "
    "it ran. It may have taken effect."
)


def payload_of(
    name: str, args: Mapping[str, Json], call: str, call_id: str | None = None, starts: int = 0
) -> dict[str, Json]:
    """Make the payload of a gated call.

    `call` tells it from all others, `call_id` is the model's id for it; `starts` counts its earlier starts.
    """
    asked: dict[str, Json] = {"type": TYPE, "name": name}
    if call_id:
        asked["id"] = call_id  # before what may be long: see `guards.drift.fields_of`
    asked |= {"args": dict(args), "call": call}
    return {**asked, "starts": starts} if starts else asked


def is_gated(payload: object) -> bool:
    """Tell whether a gate asks this."""
    return isinstance(payload, dict) and payload.get("type") == TYPE


def _recognise(question: Question) -> Ask | None:
    match question.payload:
        case {"type": "signoff_gated_tool", "name": str(name), "args": dict(args), "call": str(), **rest}:
            schema = question.schema or schema_for(name, args, question)
            action = Action(name, args, _CHOICES, MAY_HAVE_RUN if rest.get("starts") else "", schema)
            return Ask(
                GATED.name,
                Kind.TOOL_CALL,
                "",
                (action,),
                question.payload,
                question.speaker,
                perhaps_done=bool(rest.get("starts")),
                known_by=KnownBy.LIBRARY,
            )
    return None


def _encode(ask: Ask, decisions: Sequence[Decision]) -> object:
    (action,), (decision,) = ask.actions, decisions
    match decision.choice:
        case Choice.APPROVE:
            return {"decision": "approve"}
        case Choice.EDIT:
            return {"decision": "edit", "args": value_of(action, decision)}
        case Choice.REJECT:
            return {"decision": "reject", "reason": decision.text}
    raise unexpected(ask, decision)


GATED = Dialect("gated_tool", _recognise, _encode)
