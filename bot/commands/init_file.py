"""Writes the text of `app.yaml` for `signoff init`: an entry for each graph, with a comment on each guess."""

import json
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from bot.config.values import AGENT_NAME, DEFAULT_INPUT
from bot.masking import masked
from engine.asks.ask import Json

if TYPE_CHECKING:
    from bot.wiring.projects import Inferred

_WIDEST: Final = 110
_DEFAULT_REPLY: Final = "messages[-1].content"
_LONGEST_NAME: Final = 64
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ .\-]*[A-Za-z0-9_.]|[A-Za-z_]")
_UNDECIDED: Final = "SIGNOFF_INIT"
"""Begins the names of variables that stand for a value of the context that nobody knows: check reports each."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An agent that is to be written. `found` is what was inferred of its graph."""

    name: str
    id: str
    spec: str
    channel: str
    direct: bool
    found: "Inferred"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A graph that does not load, and why."""

    id: str
    spec: str
    why: str


@dataclass(frozen=True, slots=True)
class Draft:
    """All that `app.yaml` is written from. `project` is the name of the file that `project:` names, if any."""

    editor: Sequence[str]
    """The first lines, which tell editors where the schema is."""
    project: str
    variables: Sequence[str]
    entries: Sequence[Entry]
    left_out: Sequence[LeftOut] = ()
    shared: bool = False
    """True if all agents listen in one channel that somebody named."""


def agent_names(ids: Sequence[str]) -> Mapping[str, str]:
    """A name for each id that a message can begin with. An id that is one already keeps it; case does not count."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for each in sorted(ids, key=lambda id_: AGENT_NAME.fullmatch(id_) is None):  # stable: the ids' own order
        names[each] = _free(_spelled(each), taken)
        taken.add(names[each].casefold())
    return {each: names[each] for each in ids}


def _spelled(id_: str) -> str:
    if AGENT_NAME.fullmatch(id_):
        return id_
    plain = unicodedata.normalize("NFKD", id_).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-_")[:_LONGEST_NAME] or "agent"


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found.casefold() in taken:
        ending = f"-{number}"
        found, number = f"{name[: _LONGEST_NAME - len(ending)]}{ending}", number + 1
    return found


# Text -----------------------------------------------------------------------------------------------------------------


def text_of(draft: Draft) -> str:
    """The whole file."""
    return "\n".join([*_head(draft), *_agents(draft)]) + "\n"


def _head(draft: Draft) -> Iterator[str]:
    yield from draft.editor
    yield '# Written by signoff init. Each line marked "guess" was inferred from the graph: correct what is wrong.'
    if draft.variables:
        yield from _comment(
            "The project reads these variables; set them in the environment, or in .env beside this file:"
        )
        yield from _comment(", ".join(draft.variables), "  ")
    yield ""
    if draft.project:
        yield f"project: {_scalar(draft.project)}"
        yield ""


def _agents(draft: Draft) -> Iterator[str]:
    yield "agents:"
    for place, each in enumerate(draft.entries):
        if place:
            yield ""
        yield from _agent(each, several=draft.shared and len(draft.entries) > 1)
    for left in draft.left_out:
        yield ""
        yield from _comment(f"{left.id} does not load: {masked(left.why)}.", indent="  ")
        yield f"  # {_key(agent_names([left.id])[left.id])}:"
        yield f"  #   graph: {_scalar(left.spec)}"


def _agent(entry: Entry, *, several: bool) -> Iterator[str]:
    found = entry.found
    yield f"  {_key(entry.name)}:" + (f"  # {entry.id!r} in the project" if entry.name != entry.id else "")
    yield f"    graph: {_scalar(entry.spec)}"
    if found.description:
        yield f"    description: {_scalar(_unexpanded(found.description))}"
    note = f"guess: begin a message here with {entry.name}" if several else "guess: mention the bot here to start it"
    yield f"    channels: [{json.dumps(entry.channel, ensure_ascii=False)}]  # {note}"
    if entry.direct:
        yield "    direct_messages: true  # guess: the first agent that takes a person's words"
    if found.input.value != DEFAULT_INPUT:
        yield from _noted(f"    input: {_flow(found.input.value)}", found.input.why)
    if found.stated:
        given = said_lines(found.stated)
        yield from _comment(f"guess: the first message must give, one per line: {given}", indent="    ")
    for each in found.input.missing:
        yield from _comment(f"TO DO: the graph needs {each}. Add its value to input:.", indent="    ")
    if found.reply.value != _DEFAULT_REPLY:
        yield from _noted(f"    reply: {json.dumps(found.reply.value, ensure_ascii=False)}", found.reply.why)
    yield from _context(entry)
    yield from _about(entry)


def said_lines(stated: Mapping[str, str]) -> str:
    """What a message says, for one line: `amount: a number; tier: gold or basic`."""
    return "; ".join(f"{name}: {what}" for name, what in stated.items())


def _context(entry: Entry) -> Iterator[str]:
    if not entry.found.context:
        return
    yield "    context:"
    for name, guess in entry.found.context.items():
        if guess.missing:
            unknown = re.sub(r"\W", "_", f"{_UNDECIDED}_{entry.name}_{name}").upper()
            yield f"      {_key(name)}: ${{{unknown}}}  # TO DO: the graph's context needs {guess.missing[0]}"
        else:
            yield f"      {_key(name)}: {_flow(guess.value)}  # {guess.why}"


def _about(entry: Entry) -> Iterator[str]:
    found = entry.found
    for each in found.unfit:
        yield from _comment(f"TO DO: {each}", indent="    ")
    if found.asks:
        yield from _comment(f"People are asked in: {_listed(found.asks)}.", indent="    ")
    if found.tools:
        how = "" if found.asks else " No step asks people; to ask them before a tool starts: gate_tools: [TOOL]."
        yield from _comment(f"Tools: {_listed(found.tools)}.{how}", indent="    ")


def _noted(line: str, why: str) -> Iterator[str]:
    if len(line) + len(why) + 4 > _WIDEST:
        yield from _comment(why, indent="    ")
        yield line
    else:
        yield f"{line}  # {why}" if why else line


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(_plain, names[:most])) + more


def _comment(text: str, margin: str = "", indent: str = "") -> Iterable[str]:
    start = f"{indent}# {margin}"
    return textwrap.wrap(
        _plain(text),
        _WIDEST,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """A text without what could end a comment."""
    return "".join(each if each.isprintable() else " " for each in text)


def _unexpanded(text: str) -> str:
    return text.replace("${", "$${")


def _scalar(text: str) -> str:
    """A text in YAML, in quotes where it needs them."""
    if _PLAIN.fullmatch(text) and _read(text) == text:
        return text
    if re.fullmatch(r"[./A-Za-z_][\w./:\-]*", text, re.ASCII) and _read(text) == text:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


_key = _scalar


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _flow(value: Json) -> str:
    """A value in YAML's flow style, on one line."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_key(key)}: {_flow(each)}' for key, each in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case str() if re.fullmatch(r"\$[a-z]+(\.\w+)?", value):
            return value
        case str():
            return json.dumps(value, ensure_ascii=not value.isprintable())
        case _:
            return json.dumps(value)
