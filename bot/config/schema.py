"""The JSON Schema of `app.yaml`, for editors and for the reference page.

Drawn from the models, which are the one home of every key: the docstring below a key describes it, and its type or its
field has examples. The schema takes a file as it is written, before variables are filled in: `${NAME}` may stand for a
number, true or false, or a word of a list. It refuses less than `signoff check`, which also knows how entries fit
together, and nothing that `signoff check` takes.

An editor reads it by the first line of a file. The wheel installs it as `share/signoff/app.schema.json` of the
environment: no version is in that path, so it stays right after an upgrade, and a whole team can use it where the
environment lies in the project's folder. Elsewhere `signoff schema > app.schema.json` writes a copy.
"""

import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from typing_extensions import override

from bot.config.entries import File

Node: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
INSTALLED = Path("share/signoff/app.schema.json")
_VARIABLE: Node = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
    "description": "A variable of the environment: ${NAME} or ${NAME:-default}.",
}
_ABOUT = ("description", "examples", "default", "title")
"""What is said of a key, beside what it may hold."""


def schema() -> Node:
    """Draw the schema, in draft 2020-12."""
    drawn = File.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions = {name: _refined(each) for name, each in drawn.pop("$defs").items()}
    about = {"$schema": DIALECT, "title": "app.yaml of Signoff", "description": "The configuration of Signoff."}
    whole = {**_refined(drawn), **about, "$defs": {**definitions, "Variable": _VARIABLE}}
    for node in _keys(whole):
        node["examples"] = examples(node, whole)
    return whole


def editor_lines(folder: Path) -> str:
    """The first lines of an app.yaml in this folder: they tell editors where the schema is."""
    installed, here = Path(sys.prefix).absolute() / INSTALLED, folder.absolute()
    if installed.is_file() and installed.is_relative_to(here):
        return f"# yaml-language-server: $schema={installed.relative_to(here).as_posix()}\n"
    return "# yaml-language-server: $schema=app.schema.json\n# `signoff schema > app.schema.json` writes that file.\n"


def examples(node: Mapping[str, Any], whole: Node) -> list[JsonValue]:
    """Examples of what a key may hold: its own, or those of its type."""
    match node:
        case {"examples": [_, *_] as own}:
            return cast("list[JsonValue]", own)
        case {"enum": [*words]}:
            return words
        case {"const": word}:
            return [word]
        case {"type": "boolean"}:
            return [not node.get("default", False)]
        case {"$ref": str(name)}:
            return examples(whole["$defs"][name.rpartition("/")[2]], whole)
        case {"items": dict(item)}:
            return [[each] for each in examples(item, whole)[:1]]
        case {"anyOf": [*options]}:
            return next(filter(None, (examples(each, whole) for each in options)), [])
    return []


def _keys(node: object) -> Iterator[Node]:
    """Every key that a schema describes, on any level."""
    if isinstance(node, dict):
        yield from node.get("properties", {}).values()
        for each in node.values():
            yield from _keys(each)
    elif isinstance(node, list):
        for each in node:
            yield from _keys(each)


class _Generator(GenerateJsonSchema):
    """Pydantic's own, with defaults as they are written in the file, and none for what cannot be written."""

    @override
    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        return value  # keys stay in the order in which a file is written

    @override
    def encode_default(self, dft: object) -> Any:
        match dft:
            case timedelta():
                return _spelled(dft)
            case frozenset():
                return "mon-fri"  # of `days:`, the only one
            case BaseModel():
                return dft.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return super().encode_default(dft)

    @override
    def default_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default", ...) in (None, "", [], {}):
            del found["default"]
        return found


def _spelled(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    unit, size = next(
        (unit, size) for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if not seconds % size
    )
    return f"{seconds // size}{unit}"


def _refined(node: Any) -> Any:
    """A schema without titles, limits by their names in JSON Schema, and with variables where they can stand."""
    if isinstance(node, list):
        return [_refined(each) for each in node]
    if not isinstance(node, dict):
        return node
    renamed: dict[str, str] = {"ge": "minimum", "le": "maximum"}
    found: Node = {
        renamed.get(key) or key: value for key, value in node.items() if key != "title" or not isinstance(value, str)
    }
    for key in ("items", "additionalProperties", "anyOf", "prefixItems"):
        if key in found:
            found[key] = _refined(found[key])
    for key in ("properties", "patternProperties"):
        if key in found:
            found[key] = {name: _refined(each) for name, each in found[key].items()}
    if "patternProperties" in found:
        found["additionalProperties"] = False
    return _or_variable(found) if _is_limited(found) else found


def _is_limited(node: Node) -> bool:
    """True for a single value that a text with a variable in it would not fit."""
    is_text = node.get("type") == "string"
    return (
        node.get("type") in ("boolean", "integer", "number")
        or "enum" in node
        or "const" in node
        or (is_text and "pattern" in node)
    )


def _or_variable(node: Node) -> Node:
    about = {key: node[key] for key in _ABOUT if key in node}
    limits = {key: value for key, value in node.items() if key not in about}
    return {**about, "anyOf": [limits, {"$ref": "#/$defs/Variable"}]}
