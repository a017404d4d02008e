"""The table of interrupts that `signoff check` prints: for people (`table`), and for programs (`as_json`).

Other programs rely on the keys of the JSON: none is renamed or removed, others may be added.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from engine.asks.ask import Json, Kind, KnownBy
from engine.asks.foreseen import Card, Foreseen, OfferedChoice, Payload, entry

SERVED = "runs on a LangGraph Server: its code is not here, so its interrupts are not known before it asks."
NOTHING = "asks nothing that its code shows."


def table(agents: Mapping[str, Sequence[Foreseen] | None]) -> Iterator[str]:
    """The lines of the table; an agent with None runs on a LangGraph Server."""
    for name, found in agents.items():
        yield ""
        if found is None:
            yield f"{name} {SERVED}"
            yield f"    Where a card says that its answers are not known, add this to answers: of {name}, filled in:"
            yield from (f"      {line}" for line in entry("node: NODE").splitlines())
        elif not found:
            yield f"{name} {NOTHING}"
        for each in found or ():
            yield from _row(name, each)


def _row(agent: str, each: Foreseen) -> Iterator[str]:
    place = f"  {each.place}" if each.place else ""
    note = f"  ({each.note})" if each.note else ""
    yield f"{agent}  {_shown(each.node)}{place}{note}"
    if each.payload is Payload.UNKNOWN and each.cards:
        yield "    What it asks is made while it runs."
    for card in each.cards:
        yield from _card(card)
    if not each.cards:
        yield "    known by: unknown. People can reject it, or answer in JSON."
    if each.entry:
        yield f"    To decide it by buttons, add this to answers: of {agent} in app.yaml, and fill it in:"
        yield from (f"      {line}" for line in each.entry.splitlines())


def _card(card: Card) -> Iterator[str]:
    what = "question" if card.is_question else "request"
    named = f" to run {card.subject}" if card.kind is Kind.TOOL_CALL and card.subject else ""
    title = f': "{_short(card.title)}"' if card.title.strip("… ") else ""
    when = f", if {card.when}" if card.when else ""
    yield _shown(f"    {what}{named}{title}{when}")
    yield f"    known by: {', '.join(each for each in (card.known_by, _shown(card.why)) if each)}"
    width = max((len(_button(each)) for each in card.choices), default=0)
    for each in card.choices:
        line = f"      {_button(each):<{width}}  {_sends(each)}"
        more = _shown("; ".join([*([f"fields: {', '.join(each.fields)}"] if each.fields else []), each.proof]))
        more = more.removesuffix("; ")
        if more and len(line) + len(more) > _WIDEST:
            yield line
            yield f"{' ' * (8 + width)}{more}"
        else:
            yield f"{line}: {more}" if more else line


_WIDEST = 116


def _button(each: OfferedChoice) -> str:
    own = f" ({_shown(each.word)})" if each.word and each.word != each.button.strip("“”") else ""
    return f"{each.button}{own}"


def _sends(each: OfferedChoice) -> str:
    if each.sends is None:
        return each.does
    resume, more = each.sends.get("resume"), {name: part for name, part in each.sends.items() if name != "resume"}
    parts = [f"sends {_json(resume)}", *(f"{name} {_json(part)}" for name, part in more.items())]
    return _shown(", ".join(parts))


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shown(text: str) -> str:
    """A text of the graph's on one line of a terminal, without control characters."""
    return "".join(each if each.isprintable() else " " for each in text)


_LONGEST = 90


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


# What is unknown ------------------------------------------------------------------------------------------------------


def unknown(found: Sequence[Foreseen]) -> Iterator[str]:
    """A sentence for each interrupt of which an answer is not known."""
    for each in found:
        if not each.is_known:
            place = f" ({each.place})" if each.place else ""
            why = each.note or next((card.why for card in each.cards if card.known_by is KnownBy.UNKNOWN), "")
            yield f"{_shown(each.node)}{place} asks, and it is not known what an answer does: {_shown(why)}"


# For programs ---------------------------------------------------------------------------------------------------------


def as_json(found: Sequence[Foreseen] | None) -> dict[str, Json]:
    """An agent's interrupts; `interrupts` is null where its code is not here."""
    return {"interrupts": None if found is None else [_row_json(each) for each in found]}


def _row_json(each: Foreseen) -> dict[str, Json]:
    return {
        "node": each.node,
        "place": each.place,
        "payload": each.payload.value,
        "known": each.is_known,
        "note": each.note,
        "cards": [_card_json(card) for card in each.cards],
        "entry": each.entry,
    }


def _card_json(card: Card) -> dict[str, Json]:
    return {
        "title": card.title,
        "subject": card.subject,
        "kind": card.kind.value,
        "question": card.is_question,
        "known_by": card.known_by.value,
        "why": card.why,
        "when": card.when,
        "choices": [_choice_json(each) for each in card.choices],
    }


def _choice_json(each: OfferedChoice) -> dict[str, Json]:
    return {
        "choice": each.choice.value,
        "button": each.button,
        "word": each.word,
        "sends": None if each.sends is None else dict(each.sends),
        "does": each.does,
        "fields": list(each.fields),
        "proof": each.proof,
    }
