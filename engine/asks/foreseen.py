"""Interrupts that are foreseen from a graph's code, for `signoff check`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.asks.ask import Choice, Json, Kind, KnownBy
from engine.asks.templates import FILL_IN


@dataclass(frozen=True, slots=True)
class OfferedChoice:
    """One choice on a card.

    `button` is its label, and `word` the node's own word for it, "" if it has none. `sends` has the parts of what is
    sent (`resume`, `update`, `as_node`) as templates (`engine.asks.templates`); if nothing is sent, it is None, and
    `does` says what happens. `fields` are those that an edit can change; empty if it can change everything that is
    shown. `proof` says how this is known.
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
    """A card that people will see: its sentence, its subject (a tool's name, say), and its choices.

    `when` says for which payload; "" if every payload leads to this card.
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
    """The share of an interrupt's payload that is in the code."""

    KNOWN = "known"
    PARTLY = "partly"
    """Some of its values are made while the graph runs."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One interrupt of an agent.

    `node` is the path of the node that asks, `place` its FILE:LINE, "" for a breakpoint. `cards` are those that it may
    lead to: one, if the payload makes no difference; none, if the code could not be followed, which `note` says.
    `entry` is to be added to the agent's `answers:` if an answer is not known.
    """

    node: str
    place: str
    payload: Payload
    cards: tuple[Card, ...]
    note: str = ""
    entry: str = ""

    @property
    def is_known(self) -> bool:
        """True if the effect of each choice of each card is known."""
        return bool(self.cards) and all(each.known_by is not KnownBy.UNKNOWN for each in self.cards)


def entry(when: str, note: str = "") -> str:
    """Make an entry of `answers:` for a person to fill in; it is refused until that is done."""
    noted = f"  # {note}\n" if note else ""
    return f"""- when: {{{when}}}
{noted}  approve: {{resume: ${FILL_IN}}}
  reject: {{resume: ${FILL_IN}}}  # without this line Reject stops the run
  # edit: {{resume: $value}}  # if the step takes a changed value
  # answer: {{resume: $text}}  # if it takes words"""
