"""The JSON Schema of `app.yaml`, for editors and for the reference page.

Drawn from the models, which are the one home of every key: the docstring below a key describes it, and its type or its
field has examples. The schema takes a file as it is written, before variables are filled in: `${NAME}` may stand for a
number, true or false, or a word of a list. It refuses less than `signoff check`, which also knows how entries fit
together, and nothing that `signoff check` takes.

An editor finds it by the first line of a file, which `signoff init` writes. It is found, in this order:

1. `app.schema.json` beside app.yaml, which `signoff schema > app.schema.json` writes: right on every machine that has
   the file, so a team commits it.
2. `share/signoff/app.schema.json` of the environment, which the wheel installs, relative to app.yaml where the
   environment lies in the project's folder or beside a folder that holds it, as in a repository of several projects:
   right on every machine whose environment has the same name. No version is in that path, so an upgrade keeps it right.
3. The same by its absolute path: right on this machine only.

The line below the second and third says what to do where the file is missing. A path ends at a space for editors, so
one with spaces is written as an address of a file.
"""

import ast
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from typing_extensions import override

from bot.config.entries import File

Node: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_NAME = "app.schema.json"
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


def editor_lines(folder: Path, installed: Path | None) -> tuple[str, ...]:
    """The first lines of an app.yaml in this folder: they tell an editor where the schema is."""
    if (folder / FILE_NAME).is_file():
        return (f"# yaml-language-server: $schema={FILE_NAME}",)
    line = "# yaml-language-server: $schema="
    if installed is None:
        return (f"{line}{FILE_NAME}", f"# Editors read that file: signoff schema > {FILE_NAME} writes it.")
    return (
        f"{line}{_relative(installed, folder) or _absolute(installed)}",
        f"# Editors read that file. If it is missing: signoff schema > {FILE_NAME}, and write $schema={FILE_NAME}.",
    )


def installed_schema() -> Path | None:
    """The schema that was installed with this Signoff; None where it was installed without it."""
    for each in metadata.files("signoff") or ():
        if each.name == FILE_NAME and (found := Path(os.path.normpath(str(each.locate())))).is_file():
            return found
    return None


def _relative(file: Path, folder: Path) -> str:
    """The path to a file of an environment near the folder, also where a link leads to one; "" for other files."""
    for inner, outer in ((file.absolute(), folder.absolute()), (file.resolve(), folder.resolve())):
        beside = inner.parents[3]
        if inner.is_relative_to(outer) or (outer.is_relative_to(beside) and beside.name):
            path = Path(os.path.relpath(inner, outer)).as_posix()
            return "" if " " in path else path
    return ""


def _absolute(file: Path) -> str:
    path = file.absolute()
    return path.as_uri() if " " in str(path) else path.as_posix()


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
    """Pydantic's own, with docstrings, and with defaults as they are written in the file, where they can be written."""

    @override
    def model_schema(self, schema: Any) -> JsonSchemaValue:
        found, model = super().model_schema(schema), schema["cls"]
        for name, field in model.model_fields.items():
            node, text = found["properties"][field.alias or name], _docstring(model, name)
            if text:
                shown = {key: node.pop(key) for key in ("examples",) if key in node}
                node.update({"description": text, **shown})
        return found

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


def _docstring(model: type[BaseModel], field: str) -> str:
    """The docstring below a field, in the class that declares it or the nearest above it."""
    told = (_docstrings(each.__module__).get((each.__qualname__, field)) for each in model.__mro__)
    return next(filter(None, told), "")


@cache
def _docstrings(module: str) -> Mapping[tuple[str, str], str]:
    """The docstrings below the fields of a module's classes, by class and field."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):  # no source, as for `object`
        return {}
    found: dict[tuple[str, str], str] = {}
    for kind in (each for each in tree.body if isinstance(each, ast.ClassDef)):
        for above, below in pairwise(kind.body):
            match above, below:
                case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                    found[kind.name, name] = inspect.cleandoc(text)
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
