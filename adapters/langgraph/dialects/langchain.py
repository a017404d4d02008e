"""LangChain's HumanInTheLoopMiddleware: one interrupt for a batch of tool calls, or one for each call.

https://docs.langchain.com/oss/python/langchain/human-in-the-loop

A rejection's reason reaches the model as the tool's answer. `respond` counts as the tool's success, so it is offered as
an answer and never as a refusal. A batch is answered by position, with one decision for each action: LangGraph would
store a wrong number of decisions and fail on every later resume, so they are counted here. An edit changes the
arguments only.
"""

from collections.abc import Iterable, Mapping, Sequence

from adapters.langgraph.dialects.base import Dialect, Question, described, schema_for, unexpected, value_of
from adapters.langgraph.dialects.json_schema import Schema, branches, resolved, values_of
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind

_CHOICES = {"approve": Choice.APPROVE, "edit": Choice.EDIT, "reject": Choice.REJECT, "respond": Choice.ANSWER}


def _choices(allowed: Iterable[Json], question: Question) -> tuple[Choice, ...]:
    offered = {_CHOICES[name] for name in allowed if isinstance(name, str) and name in _CHOICES}
    if not question.exact:
        offered.discard(Choice.EDIT)
    # A config that allows nothing we know can still be rejected: a missing rule approves nothing.
    return tuple(choice for choice in Choice if choice in offered) or (Choice.REJECT,)


def _decision(name: str, action: Action, decision: Decision, ask: Ask) -> dict[str, Json]:
    match decision.choice:
        case Choice.APPROVE:
            return {"type": "approve"}
        case Choice.EDIT:
            return {"type": "edit", "edited_action": {"name": name, "args": value_of(action, decision)}}
        case Choice.REJECT:
            return {"type": "reject", "message": decision.text} if decision.text else {"type": "reject"}
        case Choice.ANSWER:
            return {"type": "respond", "message": decision.text}
    raise unexpected(ask, decision)


# One call -------------------------------------------------------------------------------------------------------------


def _recognise_call(question: Question) -> Ask | None:
    match question.payload:
        case {"type": "tool_approval", "name": str(name), "args": dict(args), **rest}:
            allowed, schema = _of_response_schema(question.schema)
            action = Action(
                name,
                args,
                _choices(allowed, question),
                described(rest.get("description"), rest, "description", "tool_call_id"),
                schema or schema_for(name, args, question),
            )
            return Ask(PER_CALL.name, Kind.TOOL_CALL, "", (action,), question.payload, question.speaker)
    return None


def _of_response_schema(schema: Schema | None) -> tuple[list[Json], Schema | None]:
    """Return the decisions that a `response_schema` allows, and the schema of an edit's arguments."""
    if schema is None:
        return ["approve", "reject"], None
    allowed: list[Json] = []
    arguments: Schema | None = None
    for branch in branches(schema):
        properties = branch.get("properties")
        if not isinstance(properties, dict) or not isinstance(kind := properties.get("type"), dict):
            continue
        allowed += values_of(kind) or []
        if "edited_action" in properties:
            arguments = _edited_arguments(properties["edited_action"], schema)
    return allowed, arguments


def _edited_arguments(edited_action: Json, root: Schema) -> Schema | None:
    properties = resolved(edited_action, root).get("properties")
    if not isinstance(properties, dict) or "args" not in properties:
        return None
    arguments = resolved(properties["args"], root)
    return arguments if isinstance(arguments.get("properties"), dict) else None


def _encode_call(ask: Ask, decisions: Sequence[Decision]) -> object:
    (action,), (decision,) = ask.actions, decisions
    return _decision(action.name, action, decision, ask)


PER_CALL = Dialect("langchain_tool_approval", _recognise_call, _encode_call)


# A batch --------------------------------------------------------------------------------------------------------------


def _recognise_batch(question: Question) -> Ask | None:
    match question.payload:
        case {"action_requests": [_, *_] as requests, "review_configs": list(configs), **rest}:
            actions = [_action(request, configs, position, question) for position, request in enumerate(requests)]
            more = described(None, rest)
            known = tuple(action for action in actions if action is not None)
            if len(known) != len(requests):
                return None
            return Ask(BATCH.name, Kind.TOOL_CALL, more, known, question.payload, question.speaker)
    return None


def _action(request: Json, configs: Sequence[Json], position: int, question: Question) -> Action | None:
    match request:
        case {"name": str(name), "args": dict(args), **rest}:
            config = _config_of(name, configs, position)
            allowed = config.get("allowed_decisions")
            own = config.get("args_schema")
            return Action(
                name,
                args,
                _choices(allowed if isinstance(allowed, list) else ["approve", "reject"], question),
                described(rest.get("description"), rest, "description"),
                own if isinstance(own, dict) else schema_for(name, args, question),
            )
    return None


def _config_of(name: str, configs: Sequence[Json], position: int) -> Mapping[str, Json]:
    """Return the config at the request's position if it is for the same tool, or the first one for that tool."""
    own = configs[position : position + 1]
    for config in (*own, *configs):
        if isinstance(config, dict) and config.get("action_name") == name:
            return config
    return {}


def _encode_batch(ask: Ask, decisions: Sequence[Decision]) -> object:
    pairs = zip(ask.actions, decisions, strict=True)
    return {"decisions": [_decision(action.name, action, decision, ask) for action, decision in pairs]}


BATCH = Dialect("langchain_batch", _recognise_batch, _encode_batch)
