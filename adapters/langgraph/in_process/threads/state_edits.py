"""Changes that people make to a thread's state at a pause.

Each is one `update_state` at the checkpoint that people looked at, under the lane's fence, with a mark in the metadata
of the new checkpoint: when the same decision is delivered again, the mark shows that it was made.

An edit replaces the value that the person saw: `Overwrite` goes past a reducer, which would add to it. Messages keep
their types and ids.

https://docs.langchain.com/oss/python/langgraph/use-time-travel, https://docs.langchain.com/oss/python/langgraph/graph-api
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages
from langgraph.channels import BinaryOperatorAggregate
from langgraph.errors import InvalidUpdateError
from langgraph.types import Overwrite, StateUpdate
from pydantic import ValidationError

from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.errors import EditRefusedError
from adapters.langgraph.in_process.threads.thread import Level
from adapters.langgraph.messages.open_calls import are_messages
from adapters.langgraph.sentences import EDIT_REFUSED
from engine.asks.ask import Json, ValueProblem


async def update(graph: Any, level: Level, config: Mapping[str, Any], updates: Sequence[StateUpdate]) -> None:
    """Write to the checkpoint of a level. `config` carries the fence and the marks.

    Raises EditRefusedError where the graph does not accept it.
    """
    configurable = {**level.snapshot.config["configurable"], **config["configurable"]}
    try:
        await graph.abulk_update_state({**config, "configurable": configurable}, [list(updates)])
    except (InvalidUpdateError, KeyError, TypeError, ValueError, AttributeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EditRefusedError(f"{EDIT_REFUSED} {said}") from None


def state_of(level: Level) -> dict[str, Json]:
    """The fields of a state as JSON; none for a state that is no object."""
    values = level.snapshot.values
    return {name: to_json(each).value for name, each in values.items()} if isinstance(values, Mapping) else {}


def can_be_edited(level: Level) -> bool:
    """Tell whether every field of the state has the same meaning as its JSON, so that people can edit it."""
    values = level.snapshot.values
    return isinstance(values, Mapping) and all(to_json(each).exact or are_messages(each) for each in values.values())


def edits(graph: Any, level: Level, edited: Mapping[str, Json]) -> dict[str, Any]:
    """The changed fields, as the graph accepts them. Raises EditRefusedError where its own schema refuses them."""
    values, shown = level.snapshot.values, state_of(level)
    changed = {name: each for name, each in edited.items() if name not in shown or shown[name] != each}
    typed = {name: _as_typed(values.get(name), each) for name, each in changed.items()}
    waiting = [task.name for task in level.snapshot.tasks]
    if found := refusals(graph, waiting, values, typed):
        told = "; ".join(f"{'.'.join(map(str, each.path))}: {each.sentence}".lstrip(": ") for each in found)
        raise EditRefusedError(f"{EDIT_REFUSED} {told}")
    return {name: _past_reducer(graph.channels.get(name), each) for name, each in typed.items()}


def refusals(
    graph: Any, waiting: Sequence[str], values: Mapping[str, Any], edited: Mapping[str, Any], *, complete: bool = True
) -> list[ValueProblem]:
    """List why the graph's own schemas refuse a state with these fields edited.

    LangGraph validates a state when it prepares a node, so the schema of each node checks the edited fields, and the
    schemas of nodes that wait check the state as a whole too. `complete`: `values` are all fields of the state.
    """
    state, found = {**values, **edited}, dict[tuple[str | int, ...], ValueProblem]()
    for name, node in graph.nodes.items():
        channels = [node.channels] if isinstance(node.channels, str) else list(node.channels)
        if node.mapper is None or edited.keys().isdisjoint(channels):
            continue
        for problem in _validate(node.mapper, {each: state[each] for each in channels if each in state}):
            of_whole = complete and name in waiting and not problem.path
            if of_whole or (problem.path and problem.path[0] in edited):
                found.setdefault(problem.path, problem)
    return list(found.values())


def _validate(mapper: Callable[[Any], Any], state: Mapping[str, Any]) -> list[ValueProblem]:
    """Validate a state: pydantic reports each field, a dataclass may raise anything."""
    try:
        mapper(dict(state))
    except ValidationError as error:
        return [ValueProblem(tuple(each["loc"]), _as_sentence(each["msg"])) for each in error.errors(include_url=False)]
    except Exception as error:  # noqa: BLE001 - the graph's own code
        return [ValueProblem((), _as_sentence(str(error).strip() or type(error).__name__))]
    return []


def _as_sentence(said: str) -> str:
    first = said.removeprefix("Value error, ").splitlines()[0]
    return f"{first[:1].upper()}{first[1:].rstrip('.')}."


def _as_typed(before: Any, after: Json) -> Any:
    return _edited_messages(before, after) if are_messages(before) and isinstance(after, list) else after


def _past_reducer(channel: Any, value: Any) -> Any:
    return Overwrite(value) if isinstance(channel, BinaryOperatorAggregate) else value


def _edited_messages(before: Sequence[BaseMessage], after: Sequence[Json]) -> list[BaseMessage]:
    """Messages with people's changes; a message that nobody changed stays the same object."""
    known = {each.id: each for each in before if each.id}
    return [_edited_message(known, each) for each in after]


def _edited_message(known: Mapping[str, BaseMessage], edited: Json) -> BaseMessage:
    if not isinstance(edited, dict):
        raise EditRefusedError("A message has to be an object with a type and a content.")
    original = known.get(str(edited.get("id")))
    if original is None:
        try:
            return convert_to_messages([edited])[0]
        except (ValueError, TypeError, NotImplementedError) as error:
            raise EditRefusedError(f"This is no message: {str(error).splitlines()[0]}") from None
    shown = to_json(original).value
    if shown == edited or not isinstance(shown, dict):
        return original
    changed = {name: each for name, each in edited.items() if shown.get(name) != each}
    removed = {
        name: type(original).model_fields[name].get_default(call_default_factory=True) for name in shown.keys() - edited
    }
    return type(original).model_validate({**original.model_dump(), **removed, **changed})
