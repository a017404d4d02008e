"""A guess at a value of `app.yaml`, and how fields rank by their names."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.asks.ask import Json


@dataclass(frozen=True, slots=True)
class Guess:
    """A value, the reason for it ("" if it is the default), and the required fields that it does not fill."""

    value: Json
    why: str = ""
    missing: tuple[str, ...] = ()


def rank(name: str, known: Sequence[str]) -> int:
    """The place of a field's name among known ones; a name that only contains one comes after all that are one."""
    plain = name.lower().replace("-", "_").strip("_")
    if plain in known:
        return known.index(plain)
    parts = plain.split("_")
    places = [place for place, each in enumerate(known) if each in parts]
    return len(known) + min(places) if places else 2 * len(known)
