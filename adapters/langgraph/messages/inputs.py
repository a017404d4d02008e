"""The input of a turn: `input:` in `app.yaml` with the person's words filled in."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.conversation import channel_of
from engine.ids import ThreadId
from engine.ports import Turn

DEFAULT_INPUT: Mapping[str, Any] = MappingProxyType({"messages": [{"role": "user", "content": "$text"}]})
_WORD = re.compile(r"\$(\$|[A-Za-z_]\w*)")


def input_of(template: Any, turn: Turn) -> Any:
    """Fill a turn's words in as values: a text is never read as YAML or JSON."""
    return filled(template, {"text": turn.text, "user": turn.user, "channel": turn.channel})


def of_run(template: Any, user: str, thread: ThreadId) -> Any:
    """Fill in the words of `context:` and `configurable:`, the same in all runs of a turn: its thread has all."""
    return filled(template, {"user": user, "channel": channel_of(thread), "thread": thread})


def filled(template: Any, words: Mapping[str, str]) -> Any:
    """Replace the words in a template, such as `$user`; `$$` is a dollar sign, and an unknown word stays."""
    if isinstance(template, str):
        return _WORD.sub(lambda found: "$" if found[1] == "$" else words.get(found[1], found[0]), template)
    if isinstance(template, Mapping):
        return {key: filled(each, words) for key, each in template.items()}
    if isinstance(template, list):
        return [filled(each, words) for each in template]
    return template


def names_people(template: Any) -> bool:
    """Tell whether an `input:` has messages that name their author."""
    if isinstance(template, Mapping):
        return {"name", "content"} <= template.keys() or any(map(names_people, template.values()))
    return isinstance(template, list | tuple) and any(map(names_people, template))
