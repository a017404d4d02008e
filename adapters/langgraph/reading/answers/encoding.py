"""Encodes a candidate as a template of `engine.asks.templates`."""

from typing import Any

from adapters.langgraph.reading.answers.probe import Probed
from adapters.langgraph.reading.code.values import TEXT, Path
from engine.asks import templates
from engine.asks.ask import Json
from engine.asks.templates import Word

OTHER_WORD = "rejected"
"""Stands for any word except those that the code compares with."""


def template(candidate: Any, probed: Probed, words: str, path: Path = ()) -> Json:
    """Write a candidate as a template: a compared text becomes a word that equals none of the constants."""
    if candidate is TEXT:
        compared = any(at == path and constant[:1] in "'\"" for at, constant in probed.demands)
        return OTHER_WORD if compared and path and OTHER_WORD not in probed.reserved else words
    if isinstance(candidate, dict):
        return {str(key): template(each, probed, words, (*path, key)) for key, each in candidate.items()}
    if isinstance(candidate, list):
        return [template(each, probed, words, (*path, number)) for number, each in enumerate(candidate)]
    if isinstance(candidate, Word):
        return str(candidate)
    return templates.literal(candidate)
