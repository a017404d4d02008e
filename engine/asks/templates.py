r"""Templates of the value that a choice sends, as in `answers:` of `app.yaml` and in the encoding of an `Ask`.

A template is JSON. Its strings may contain words. A string that is one word takes the type of the word's value:

| word | stands for | in |
|---|---|---|
| `$text` | the person's text; empty if they wrote none | every choice |
| `$json` | the person's text, which has to be JSON | `answer` |
| `$reason` | the reason of a rejection, worded so that the node cannot take it for another answer | `reject` |
| `$value` | the request as it was decided; `$value.draft`, `$value.items[0]`, `$value["a b"]` pick | every choice |
| `$user` | the Slack id of the person who decided | every choice |
| `$$` | a dollar sign | every choice |

A `$` that no letter follows is a dollar sign, too. The keys of a template are sent as they are. A template that cannot
be read is an error (`TemplateError`); it is never sent as text.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.asks.ask import Choice, Json, canonical

PickPath: TypeAlias = tuple[str | int, ...]

WORDS = ("text", "json", "reason", "value", "user")
FILL_IN = "FILL_IN"
"""The placeholder in entries that `signoff check` prints. It is never sent."""
_ONLY_IN = {"json": Choice.ANSWER, "reason": Choice.REJECT}
_WORD = re.compile(r"\$(?:(?P<dollar>\$)|(?P<name>[A-Za-z_]\w*))")
_STEP = re.compile(r'\.(?P<key>\w+)|\[(?P<number>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]')


class TemplateError(ValueError):
    """A mistake in a template: `what` is wrong, and the `fix`, worded like a problem of `app.yaml`."""

    def __init__(self, what: str, fix: str, word: str = "") -> None:
        super().__init__(f"{what}. {fix}")
        self.what = what
        self.fix = fix
        self.word = word
        """The unknown word, if that is the mistake."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a template, and the path that it picks from the value."""

    name: str
    path: PickPath = ()

    def __str__(self) -> str:
        return f"${self.name}" + "".join(map(_step, self.path))


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if re.fullmatch(r"\w+", key) else f"[{json.dumps(key, ensure_ascii=False)}]"


def parsed(text: str) -> Sequence[str | Word]:
    """Split a string into literal parts and words. Raises TemplateError."""
    parts: list[str | Word] = []
    at = 0
    while (found := _WORD.search(text, at)) is not None:
        parts.append(text[at : found.start()])
        if found["dollar"]:
            parts.append("$")
            at = found.end()
        else:
            word, at = _word(text, found)
            parts.append(word)
    return [each for each in (*parts, text[at:]) if each != ""]


def _word(text: str, found: "re.Match[str]") -> tuple[Word, int]:
    name, at = found["name"], found.end()
    if name == FILL_IN:
        raise TemplateError("this is not filled in yet", "Write the value that this step takes, such as true.")
    if name not in WORDS:
        raise TemplateError(f"${name} is not known here", f"For a dollar sign write $$: $${name}.", f"${name}")
    path: list[str | int] = []
    while name == "value" and (step := _STEP.match(text, at)) is not None:
        path.append(_key(step))
        at = step.end()
    word = Word(name, tuple(path))
    left = text[at:]
    alone = found.start() == 0 and left == "."
    if left.startswith("[") or re.match(r"\.\w", left) or alone:
        raise TemplateError(f"{word}{left.split()[0]} picks nothing that can be read", _how_to_pick(word))
    return word, at


def _key(step: "re.Match[str]") -> str | int:
    if step["number"] is not None:
        return int(step["number"])
    return step["key"] if step["key"] is not None else str(json.loads(f'"{step["quoted"]}"'))


def _how_to_pick(word: Word) -> str:
    if word.name != "value":
        return f"${word.name} has no fields: write it alone, or put a space behind it."
    return 'Write a field ($value.draft, $value["due-date"]) or a number in brackets ($value.items[0]).'


def texts(template: Json, path: PickPath = ()) -> Iterator[tuple[PickPath, str]]:
    """The texts of a template, each with where it stands."""
    match template:
        case str():
            yield path, template
        case list():
            for number, each in enumerate(template):
                yield from texts(each, (*path, number))
        case dict():
            for key, each in template.items():
                yield from texts(each, (*path, key))


def keys(template: Json, path: PickPath = ()) -> Iterator[tuple[PickPath, str]]:
    """Yield the keys of a template, each with its path."""
    if isinstance(template, list):
        for number, each in enumerate(template):
            yield from keys(each, (*path, number))
    for key, each in template.items() if isinstance(template, dict) else ():
        yield (*path, key), key
        yield from keys(each, (*path, key))


def words(template: Json) -> Iterator[Word]:
    """Yield the words of a template. Raises TemplateError."""
    for _, text in texts(template):
        yield from (each for each in parsed(text) if isinstance(each, Word))


def picks(template: Json) -> list[PickPath]:
    """List the paths that a template picks from the value. Raises TemplateError."""
    return [word.path for word in words(template) if word.name == "value"]


def choice_of(word: Word) -> Choice | None:
    """The only choice that may use this word; None if all may."""
    return _ONLY_IN.get(word.name)


def filled(template: Json, stands_for: Callable[[Word], Json]) -> Json:
    """Fill the words of a template in; the filled-in text is not read again. Raises TemplateError."""
    match template:
        case str():
            parts = parsed(template)
            if len(parts) == 1 and isinstance(parts[0], Word):
                return stands_for(parts[0])
            return "".join(each if isinstance(each, str) else spelled(stands_for(each)) for each in parts)
        case list():
            return [filled(each, stands_for) for each in template]
        case dict():
            return {key: filled(each, stands_for) for key, each in template.items()}
    return template


def rewritten(template: Json, change: "Callable[[Word], Word | Json]") -> Json:
    """Replace each word of a template by another word or by a value. Raises TemplateError."""
    match template:
        case str():
            parts = [change(each) if isinstance(each, Word) else each for each in parsed(template)]
            if len(parts) == 1 and not isinstance(parts[0], str):
                return _written(parts[0])
            return "".join(str(each) if isinstance(each, Word) else spelled(literal(each)) for each in parts)
        case list():
            return [rewritten(each, change) for each in template]
        case dict():
            return {key: rewritten(each, change) for key, each in template.items()}
    return template


def _written(part: "Word | Json") -> Json:
    return str(part) if isinstance(part, Word) else literal(part)


def spelled(value: Json) -> str:
    """Spell a value within a string."""
    return value if isinstance(value, str) else "" if value is None else canonical(value)


def literal(value: Json) -> Json:
    """Make the template of a constant value."""
    match value:
        case str():
            return value.replace("$", "$$")
        case list():
            return [literal(each) for each in value]
        case dict():
            return {key: literal(each) for key, each in value.items()}
    return value


def picked(value: Json, path: PickPath) -> Json:
    """Pick the part of a value at a path. Raises KeyError if there is none."""
    for key in path:
        match key, value:
            case int(), list() if key < len(value):
                value = value[key]
            case str(), dict() if key in value:
                value = value[key]
            case _:
                raise KeyError(key)
    return value


def resolves(value: Json, path: PickPath) -> bool:
    """True if a value has a part at this path."""
    try:
        picked(value, path)
    except KeyError:
        return False
    return True


def takes_json(encoding: Json) -> bool:
    """True if an answer of this encoding has to be JSON."""
    answer = encoding.get(Choice.ANSWER.value) if isinstance(encoding, dict) else None
    if not isinstance(answer, dict):
        return False
    try:
        return any(word.name == "json" for part in answer.values() for word in words(part))
    except TemplateError:
        return False
