"""Interrupts that a graph's code shows before anything has run: what `signoff check` tells of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.asks.ask import Choice, Json, Kind, KnownBy
from engine.asks.templates import FILL_IN


@dataclass(frozen=True, slots=True)
class OfferedChoice:
    """One choice of a card.

    `button` is what stands on it, and `word` the node's own word for it, "" where it has none of its own. `sends` has
    the parts of what is sent (`resume`, `update`, `as_node`) as templates (`engine.asks.templates`); where nothing is
    sent, it is None, and `does` says what happens. `fields` are those that an edit can change, none where that is
    all of what is shown. `proof` says how this is known.
    """

    choice: Choice
    sends: Mapping[str, Json] | None
    does: str = ""
    proof: str = ""
    fields: tuple[str, ...] = ()
    word: str = ""
    button: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What people will see: the sentence, what is decided (a tool's name, say), and the choices.

    `when` says what the payload is where it depends on that, "" where every payload leads to this card.
    """

    title: str
    subject: str
    kind: Kind
    is_question: bool
    known_by: KnownBy
    choices: tuple[OfferedChoice, ...]
    why: str = ""
    when: str = ""


class Payload(StrEnum):
    """How much of an interrupt's payload stands in the code."""

    KNOWN = "known"
    PARTLY = "partly"
    """Some of its fields have values that are made while the graph runs."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One interrupt of an agent.

    `node` is the path of the node that asks, `place` where it stands, as FILE:LINE, "" for a breakpoint. `cards` are
    those that it may lead to: one, where the payload decides nothing; none, where the code could not be followed, which
    `note` says. `entry` is what to add to `answers:` of the agent where an answer is not known.
    """

    node: str
    place: str
    payload: Payload
    cards: tuple[Card, ...]
    note: str = ""
    entry: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is known what each choice of each card does."""
        return bool(self.cards) and all(each.known_by is not KnownBy.UNKNOWN for each in self.cards)


def entry(when: str, note: str = "") -> str:
    """An entry of `answers:` for a person to fill in; it is refused until that is done."""
    noted = f"  # {note}\n" if note else ""
    return f"""- when: {{{when}}}
{noted}  approve: {{resume: ${FILL_IN}}}
  reject: {{resume: ${FILL_IN}}}  # without this line Reject stops the run
  # edit: {{resume: $value}}  # if the step takes a changed value
  # answer: {{resume: $text}}  # if it takes words"""
