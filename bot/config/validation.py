"""Validates an entry of `app.yaml`, and words each problem.

Pydantic's own errors quote the value, which may have come out of a secret variable.
"""

from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.config.file import Document, KeyPath
from bot.config.problems import ConfigProblem, suggestion
from bot.config.values import AGENT_NAME, EMPTY

M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], document: Document, value: object, path: KeyPath) -> tuple[M | None, list[ConfigProblem]]:
    """Validate the value at `path`: the entry, or every problem with it."""
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        return None, [_problem(model, document, path, each) for each in error.errors(include_url=False)]


def agent_name_problem(document: Document, name: str) -> ConfigProblem | None:
    """The problem with an agent's name, if there is one: people write it as the first word of a message."""
    if AGENT_NAME.fullmatch(name):
        return None
    fix = "Use letters, digits, - and _, at most 64."
    return ConfigProblem(document.where(("agents", name)), f'"{name}" is not a name that a message can begin with', fix)


_EXAMPLES = {
    "graph": "Add graph: file.py:name.",
    "users": "Add users: [alice].",
    "agents": "Add agents: with one entry for each agent.",
}
_WRONG_TYPE = {
    "string_type": ("is not text", "Put it into quotes."),
    "path_type": ("is not the path of a folder", "Put it into quotes."),
    "model_type": ("is not a set of keys with values", "Write key: value below it, indented."),
    "model_attributes_type": ("is not a set of keys with values", "Write key: value below it, indented."),
    "dict_type": ("is not a set of keys with values", "Write key: value below it, indented."),
    "tuple_type": ("is not a list", "Write it as [one, two]."),
    "invalid-json-value": ("is not JSON", "Put a date into quotes."),
    "bool_type": ("is neither true nor false", "Write true or false."),
    "bool_parsing": ("is neither true nor false", "Write true or false."),
    "int_type": ("is not a whole number", "Write a number, such as 2."),
    "int_parsing": ("is not a whole number", "Write a number, such as 2."),
    "int_from_float": ("is not a whole number", "Write a number, such as 2."),
}


def _problem(model: type[BaseModel], document: Document, base: KeyPath, error: ErrorDetails) -> ConfigProblem:
    path = (*base, *error["loc"])
    context = error.get("ctx", {})
    key = str(path[-1]) if path else ""
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(_entry_at(model, error["loc"]), document, path)
    if error.get("input", ...) is None:
        what, fix = EMPTY
    elif kind == "signoff":
        path = (*path, *context["at"])
        what, fix = context["what"].replace("{shown}", document.shown(path)), context["fix"]
    elif kind == "missing":
        what, fix = "is missing", _EXAMPLES.get(key, "Add it.")
    elif kind in _WRONG_TYPE:
        words, fix = _WRONG_TYPE[kind]
        what = f"{document.shown(path)} {words}"
    elif kind in ("enum", "literal_error"):
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        what, fix = f"{document.shown(path)} is not a valid value", suggestion(str(error["input"]), allowed)
    else:
        what, fix = _of_limits(kind, context, document.shown(path))
    return ConfigProblem(document.where(path), what, fix)


def _of_limits(kind: str, context: dict[str, Any], shown: str) -> tuple[str, str]:
    match kind:
        case "greater_than_equal":
            return f"{shown} is too small", f"Write at least {context['ge']}."
        case "less_than_equal":
            return f"{shown} is too large", f"Write at most {context['le']}."
        case "too_short" | "string_too_short":
            return "is empty", "Name at least one."
        case _:
            return f"{shown} is not a valid value ({kind.replace('_', ' ')})", "See the README, app.yaml."


def _entry_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """The entry that an unknown key is in: `path` is below an entry of `model`."""
    for part in path[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = next(_entries_in(field.annotation), model) if field is not None else model
    return model


def _entries_in(hint: Any) -> Iterator[type[BaseModel]]:
    """The kinds of entries that a type is made of: `dict[str, Sends]`, `NamedApprovers | None`."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for inner in get_args(hint):
        yield from _entries_in(inner)


def _unknown_key(model: type[BaseModel], document: Document, path: KeyPath) -> ConfigProblem:
    key = str(path[-1])
    known = [field.alias or name for name, field in model.model_fields.items()]
    return ConfigProblem(document.where(path), f'there is no key "{key}" here', suggestion(key, known))
