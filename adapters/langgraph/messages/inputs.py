"""The input of a turn: `input:` in `app.yaml` with the person's words filled in.

`$fields.NAME` is a value that the message says itself, as `name: value`, on a line of its own or after a comma. A
message that lacks one starts nothing: nobody guesses an amount.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from engine.conversation import channel_of
from engine.ids import ThreadId
from engine.ports import Turn

DEFAULT_INPUT: Mapping[str, Any] = MappingProxyType({"messages": [{"role": "user", "content": "$text"}]})
_WORD = re.compile(r"\$(\$|[A-Za-z_]\w*)")
_STATED = re.compile(r"\$fields\.([A-Za-z_]\w*)")
_PART = re.compile(r"[^,;]*[,;]|[^,;]+")
_MARK = re.compile(r"([^:=]*)[:=][*_]*(.*)", re.DOTALL)
_LONGEST_NAME = 200
Path = tuple[str, ...]
"""A place in the input."""


def input_of(template: Any, turn: Turn, stated: Mapping[Path, Any] = MappingProxyType({})) -> Any:
    """Fill a turn's words in as values: a text is never read as YAML or JSON.

    `stated` are the values of `$fields`, by place; a key without one is left out.
    """
    return filled(template, {"text": turn.text, "user": turn.user, "channel": turn.channel}, stated)


def later_template(template: Any, text: str) -> Any:
    """Return the `input:` of a later turn: without the keys whose values this message leaves out.

    In a conversation by messages the graph keeps them, those that may be None too. Where all of the input is said, each
    message is a request of its own, and a value of the one before would be a guess.
    """
    if not isinstance(template, Mapping) or not takes_words(template):
        return template
    said = said_in(text, [name for name, _ in fields_named(template)])
    return {key: each for key, each in template.items() if not _is_unsaid(each, said)}


def _is_unsaid(template: Any, said: Collection[str]) -> bool:
    names = [name for name, _ in fields_named(template)]
    return bool(names) and not takes_words(template) and not any(name in said for name in names)


def fields_named(template: Any, path: Path = ()) -> Iterator[tuple[str, Path]]:
    """List the values that a message has to say itself: the name of each, and its place in the input."""
    if isinstance(template, str) and (word := _STATED.fullmatch(template)):
        yield word[1], path
    for key, each in template.items() if isinstance(template, Mapping) else ():
        yield from fields_named(each, (*path, key))


def takes_words(template: Any) -> bool:
    """Tell whether an `input:` passes a message on as it is."""
    if isinstance(template, Mapping | list):
        return any(map(takes_words, template.values() if isinstance(template, Mapping) else template))
    return isinstance(template, str) and "text" in _WORD.findall(template)


def said_in(text: str, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Find the values that a message says, by name; two where it says different ones.

    A quoted line is not read: somebody else wrote it. The cost grows with the text alone: anyone may write one.
    """
    keys, found = {_key(each) for each in names} - {""}, dict[str, list[str]]()
    for line in _own_lines(text) if keys else ():
        for key, value in _said_in_line(line, keys):
            values = found.setdefault(key, [])
            if value and value not in values and len(values) < 2:  # noqa: PLR2004 - two are enough to differ
                values.append(value)
    return {each: found[_key(each)] for each in names if found.get(_key(each))}


def _own_lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        begin = line.strip().replace("&gt;", ">", 3)
        if begin.startswith(">>>"):
            return  # it quotes the rest of a message in Slack
        if not begin.startswith(">"):
            yield line


def _said_in_line(line: str, keys: Collection[str]) -> Iterator[tuple[str, str]]:
    key, said = "", list[str]()
    for part in _PART.findall(line):
        mark = _MARK.match(part)
        if mark is None or (named := _key(mark[1])) not in keys:
            said.append(part)
            continue
        if key:
            yield key, _value(said)
        key, said = named, [mark[2]]
    if key:
        yield key, _value(said)


def _value(parts: Sequence[str]) -> str:
    value = "".join(parts).strip()
    return value[:-1].strip() if value.endswith((",", ";")) else value


def _key(name: str) -> str:
    """A name as it is compared: without case, marks of emphasis and lists, and the dots that Turkish tells an i by."""
    plain = name.strip(" \t\r*_•-")
    if len(plain) > _LONGEST_NAME:
        return ""
    folded = unicodedata.normalize("NFKC", plain).casefold().replace("\u0307", "").replace("\u0131", "i")
    return re.sub("[- ]", "_", folded)


def of_run(template: Any, user: str, thread: ThreadId) -> Any:
    """Fill in the words of `context:` and `configurable:`, the same in all runs of a turn: its thread has all."""
    return filled(template, {"user": user, "channel": channel_of(thread), "thread": thread})


def filled(
    template: Any, words: Mapping[str, str], stated: Mapping[Path, Any] = MappingProxyType({}), path: Path = ()
) -> Any:
    """Replace the words in a template, such as `$user`; `$$` is a dollar sign, and an unknown word stays."""
    if isinstance(template, str):
        if path in stated:
            return stated[path]
        return _WORD.sub(lambda found: "$" if found[1] == "$" else words.get(found[1], found[0]), template)
    if isinstance(template, Mapping):
        kept = {key: each for key, each in template.items() if not _is_left_out(each, stated, (*path, key))}
        return {key: filled(each, words, stated, (*path, key)) for key, each in kept.items()}
    if isinstance(template, list):
        return [filled(each, words) for each in template]
    return template


def _is_left_out(template: Any, stated: Mapping[Path, Any], path: Path) -> bool:
    return isinstance(template, str) and _STATED.fullmatch(template) is not None and path not in stated


def names_people(template: Any) -> bool:
    """Tell whether an `input:` has messages that name their author."""
    if isinstance(template, Mapping):
        return {"name", "content"} <= template.keys() or any(map(names_people, template.values()))
    return isinstance(template, list | tuple) and any(map(names_people, template))
