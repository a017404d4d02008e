"""Writes the reference page of `app.yaml` from its JSON Schema: `make reference`."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from bot.config.schema import Node, schema

HEAD = """\
# Every key of app.yaml

Each key of `app.yaml` with what it does, its default and an example. Other pages say what the keys are for:
[Who may decide](policies.md), [Who is on call](oncall.md), [Gates](gates.md), [Graphs on a LangGraph
Server](server.md). `make reference` writes this page from the models that `signoff check` reads the file with.

An editor completes these keys and marks mistakes while you write. It reads the JSON Schema that the first line of
`app.yaml` names. `signoff init` writes that line; where the environment is `.venv` in the project's folder, it is:

```text
# yaml-language-server: $schema=.venv/share/signoff/app.schema.json
```

The wheel installs the schema there. Where the environment lies elsewhere, `signoff init` writes its absolute path,
which other machines do not have. For a path that is right for the whole team, run `signoff schema > app.schema.json`,
commit that file, and write `$schema=app.schema.json`. Run the command again after an upgrade. `signoff init` names that
file where it finds it beside `app.yaml`.

Visual Studio Code (with its YAML extension), Neovim, Helix, Emacs and others read that line through
yaml-language-server. JetBrains' editors read `# $schema: app.schema.json` in its place.

`${NAME}` and `${NAME:-default}` in a value are variables of the environment, or of `.env` beside `app.yaml`.
"""


def page() -> str:
    """The whole page."""
    whole = schema()
    parts = [HEAD, *_section("The file", (), whole, whole)]
    return "\n".join(parts)


def _section(title: str, path: tuple[str, ...], entry: Node, whole: Node) -> Iterator[str]:
    """One kind of entry: its keys, and then the kinds of entries in them."""
    yield f"## {title}\n"
    if path:
        yield f"{entry['description']}\n"
    yield "| key | | default | example |\n|---|---|---|---|"
    required = entry.get("required", ())
    for name, key in entry["properties"].items():
        default = "required" if name in required else _code(key["default"]) if "default" in key else ""
        yield f"| `{name}` | {_cell(key['description'])} | {default} | {_code(key['examples'][0])} |"
    yield ""
    for name, key in entry["properties"].items():
        for suffix, inner in _entries(key, whole):
            where = (*path, f"{name}{suffix}")
            yield from _section(f"`{'.'.join(where)}`", where, inner, whole)


def _entries(node: Any, whole: Node, suffix: str = "") -> Iterator[tuple[str, Node]]:
    """The entries that a key holds, each with how one gets there: of a list, of names, or the key's own."""
    if "$ref" in node:
        inner = whole["$defs"][node["$ref"].rpartition("/")[2]]
        if "properties" in inner:
            yield suffix, inner
    for each in node.get("anyOf", ()):
        yield from _entries(each, whole, suffix)
    if isinstance(node.get("items"), dict):
        yield from _entries(node["items"], whole, f"{suffix}[]")
    named = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    for each in named:
        if isinstance(each, dict):
            yield from _entries(each, whole, f"{suffix}.NAME")


def _code(value: object) -> str:
    return f"`{_cell(json.dumps(value, ensure_ascii=False))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(page())
