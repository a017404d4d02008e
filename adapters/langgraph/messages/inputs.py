"""The input of a turn: `input:` in `app.yaml` with the person's words filled in."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.ports import Turn

DEFAULT_INPUT: Mapping[str, Any] = MappingProxyType({"messages": [{"role": "user", "content": "$text"}]})
_NAMES = re.compile(r"\$(\$|(?:text|user|channel)\b)")


def input_of(template: Any, turn: Turn) -> Any:
    """Fill a turn's words in as values: a text is never read as YAML or JSON."""
    return filled(template, {"text": turn.text, "user": turn.user, "channel": turn.channel})


def filled(template: Any, words: Mapping[str, str]) -> Any:
    """Replace `$text`, `$user` and `$channel` in a template; `$$` is a dollar sign."""
    if isinstance(template, str):
        return _NAMES.sub(lambda found: words.get(found[1], "$"), template)
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
