r"""Templates of what a choice sends: `answers:` in `app.yaml` has them, and so has the encoding of an `Ask`.

A template is JSON. Each text in it may hold words, and a word that stands alone keeps the type of what it stands for:

| word | stands for | in |
|---|---|---|
| `$text` | what the person wrote; empty where they write nothing | every choice |
| `$json` | what the person wrote, which has to be JSON | `answer` |
| `$reason` | the reason of a rejection, in words that the node cannot take for another answer | `reject` |
| `$value` | the request as it was decided; `$value.draft`, `$value.items[0]`, `$value["a b"]` pick | every choice |
| `$user` | the Slack id of the person who decided | every choice |
| `$$` | a dollar sign | every choice |

A `$` that no letter follows is a dollar sign as well. The keys of a template are sent as they are. What cannot be read
is an error (`TemplateError`), and never a text that is sent.
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
"""In an entry that `signoff check` prints: what a person has to write there. It is never sent."""
_ONLY_IN = {"json": Choice.ANSWER, "reason": Choice.REJECT}
_WORD = re.compile(r"\$(?:(?P<dollar>\$)|(?P<name>[A-Za-z_]\w*))")
_STEP = re.compile(r'\.(?P<key>\w+)|\[(?P<number>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]')


class TemplateError(ValueError):
    """`what` is wrong with a template, and the `fix`, in the words of a fault of `app.yaml`."""

    def __init__(self, what: str, fix: str, word: str = "") -> None:
        super().__init__(f"{what}. {fix}")
        self.what = what
        self.fix = fix
        self.word = word
        """The word that nobody knows, where it is one."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a template, and what it picks of the value."""

    name: str
    path: PickPath = ()

    def __str__(self) -> str:
        return f"${self.name}" + "".join(map(_step, self.path))


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if re.fullmatch(r"\w+", key) else f"[{json.dumps(key, ensure_ascii=False)}]"


def parsed(text: str) -> Sequence[str | Word]:
    """The parts of a text: literal ones, and words. Raises TemplateError."""
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
    """The keys of a template, each with where it stands."""
    if isinstance(template, list):
        for number, each in enumerate(template):
            yield from keys(each, (*path, number))
    for key, each in template.items() if isinstance(template, dict) else ():
        yield (*path, key), key
        yield from keys(each, (*path, key))


def words(template: Json) -> Iterator[Word]:
    """The words of a template. Raises TemplateError."""
    for _, text in texts(template):
        yield from (each for each in parsed(text) if isinstance(each, Word))


def picks(template: Json) -> list[PickPath]:
    """What a template takes of the value. Raises TemplateError."""
    return [word.path for word in words(template) if word.name == "value"]


def choice_of(word: Word) -> Choice | None:
    """The only choice that has this word; None where all have it."""
    return _ONLY_IN.get(word.name)


def filled(template: Json, stands_for: Callable[[Word], Json]) -> Json:
    """A template with its words filled in, which are not read again. Raises TemplateError."""
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
    """A template with another word, or with a value, in the place of each word. Raises TemplateError."""
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
    """A value within a text."""
    return value if isinstance(value, str) else "" if value is None else canonical(value)


def literal(value: Json) -> Json:
    """The template that stands for a value itself."""
    match value:
        case str():
            return value.replace("$", "$$")
        case list():
            return [literal(each) for each in value]
        case dict():
            return {key: literal(each) for key, each in value.items()}
    return value


def picked(value: Json, path: PickPath) -> Json:
    """What a path picks of a value. Raises KeyError where the value has no such thing."""
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
    """Whether a value has what a path picks."""
    try:
        picked(value, path)
    except KeyError:
        return False
    return True


def takes_json(encoding: Json) -> bool:
    """Whether an answer of this encoding has to be JSON."""
    answer = encoding.get(Choice.ANSWER.value) if isinstance(encoding, dict) else None
    if not isinstance(answer, dict):
        return False
    try:
        return any(word.name == "json" for part in answer.values() for word in words(part))
    except TemplateError:
        return False
