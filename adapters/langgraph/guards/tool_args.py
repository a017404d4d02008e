"""The arguments of a tool: their schema, how they are shown to people, and how an edit is applied.

People see the arguments as the tool's own schema reads them, with the defaults of those that the call leaves out:
`"5"` is shown as 5 where the tool takes a number. Values that the graph injects (its state, its store, the call's id)
are not shown and cannot be edited. An argument that an edit leaves alone is passed on as it came.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool, Tool
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import to_jsonable_python

from adapters.langgraph.dialects.json_schema import DECIMAL, Schema
from adapters.langgraph.dialects.to_json import to_json
from engine.asks.ask import Json, canonical, unstorable


class _Decimals(GenerateJsonSchema):
    """pydantic's own schemas, where the text that stands for a `Decimal` says that it is a number."""

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        """A number, or its text."""
        made = super().decimal_schema(schema)
        for each in made.get("anyOf", [made]):
            if each.get("type") == "string":
                each["format"] = DECIMAL
                each.pop("pattern", None)  # pydantic before 2.14 says it by one, which no person can read
        return made


def schema_of(tool: Any) -> Schema | None:
    """The schema of a tool's arguments as the model sees it, without those that the graph injects."""
    if isinstance(tool, Tool) and tool.args_schema is None:  # its own schema is that of a function of ours
        return {"type": "object", "properties": to_json(tool.args).value, "required": list[Json](tool.args)}
    declared: Any = getattr(tool, "tool_call_schema", None)
    try:
        schema = declared if isinstance(declared, dict) else declared.model_json_schema(schema_generator=_Decimals)
        made: Json = to_json(schema).value
    except Exception:  # noqa: BLE001 - a field whose type has no JSON Schema: then the schema is inferred from the values
        return None
    return made if isinstance(made, dict) else None


def without_injected(tool: BaseTool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without those that the graph injects."""
    return tool._filter_injected_args(dict(arguments))  # noqa: SLF001 - see `tool_starts`


def as_read(tool: BaseTool, given: str | Mapping[str, Any], call: str | None) -> dict[str, Any]:
    """The arguments as the tool's own schema reads them. Raises what the schema raises."""
    if isinstance(given, str):
        return {next(iter(tool.args), "input"): given}
    read: Any = tool._parse_input(dict(given), call)  # noqa: SLF001 - likewise
    return dict(read)


def shown(tool: BaseTool, given: str | Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Json]:
    """The arguments that people see of a call: `read` is what `as_read` made, or the arguments as they came."""
    made_each_time = _args_with_factory(tool) - (set() if isinstance(given, str) else given.keys())
    return {name: _as_json(each) for name, each in without_injected(tool, read).items() if name not in made_each_time}


def edited(
    tool: BaseTool, given: str | Mapping[str, Any], before: Mapping[str, Json], after: Mapping[str, Json]
) -> Any:
    """The tool's input after a person changed the arguments `before` to `after`."""
    if isinstance(given, str):
        return str(next(iter(after.values()), ""))
    named = without_injected(tool, given)
    injected = {name: each for name, each in given.items() if name not in named}
    kept = {name: each for name, each in named.items() if name in after and _is_unchanged(before, after, name)}
    return {**after, **kept, **injected}


def _is_unchanged(before: Mapping[str, Json], after: Mapping[str, Json], name: str) -> bool:
    return name in before and canonical(before[name]) == canonical(after[name])


def _as_json(value: Any) -> Json:
    exact = to_json(value)
    made = exact.value if exact.exact else _as_pydantic_json(value)
    return canonical(made) if next(unstorable(made), None) else made


def _as_pydantic_json(value: Any) -> Json:
    """A value as pydantic writes it into JSON and reads it again; a set has the same order in all processes."""
    match value:
        case BaseModel():
            fields = type(value).model_fields
            return {field.alias or name: _as_pydantic_json(getattr(value, name)) for name, field in fields.items()}
        case Mapping():
            return {str(name): _as_pydantic_json(each) for name, each in value.items()}
        case set() | frozenset():
            return sorted(map(_as_pydantic_json, value), key=canonical)
        case list() | tuple():
            return [_as_pydantic_json(each) for each in value]
    try:
        return to_json(to_jsonable_python(value)).value
    except Exception:  # noqa: BLE001 - a type that pydantic does not know
        return to_json(value).value


def _args_with_factory(tool: BaseTool) -> set[str]:
    """The arguments whose default is made for each call, so that people would never see the one that runs."""
    schema = tool.args_schema
    fields = schema.model_fields if isinstance(schema, type) and issubclass(schema, BaseModel) else {}
    return {name for name, field in fields.items() if field.default_factory is not None}
