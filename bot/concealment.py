"""Hides secrets from what people see of a request, and puts them back into what people send.

A secret in an argument is shown as `•••`, on the card and in the form. A person who edits another field sends the mask
back: a text that is exactly what was shown there becomes the original again. Any other text with a mask is ambiguous,
and is refused at its field: a guess could run what nobody saw (P4). So is the mask of a schema's default or choice,
which belongs to no argument.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import overload

from bot.masking import MASK, concealed, concealer
from engine.approvals.approval import Approval, Replaced, Review, Vote
from engine.asks.ask import DEEPEST, Action, Ask, Decision, Json, ValueProblem

KEPT_BACK = f"{MASK} stands for a secret. Leave this field as it was, or write all of it without {MASK}."

Path = tuple[str | int, ...]


def shown(approval: Approval) -> Approval:
    """The approval as people see it; the same object where it holds no secret."""
    if not _holds_secret(approval):
        return approval
    values = _Values()
    seen = replace(
        approval,
        ask=_ask(approval.ask, values),
        reviews=tuple(_review(each, values) for each in approval.reviews),
        note=concealed(approval.note),
        operator=concealed(approval.operator),
        replaced=_replaced(approval.replaced, values),
        offered=tuple(replace(each, text=concealed(each.text)) for each in approval.offered),
    )
    return approval if seen == approval else seen


def _holds_secret(approval: Approval) -> bool:
    """False if nothing that `shown` looks at holds a secret: all of it is searched at once, as hardly any does."""
    ask, reviews = approval.ask, approval.reviews
    votes = [each for review in reviews for each in (*review.votes, review.decision) if each is not None]
    values = [ask.payload, *(each.value for each in ask.actions), *(each.value for each in reviews)]
    values += [review.decision.value for review in reviews if review.decision is not None]
    values += [dict(each.schema) for each in ask.actions if each.schema]
    values += approval.replaced.values if approval.replaced is not None else ()
    texts = [ask.prompt, ask.speaker, approval.note, approval.operator, *(each.text for each in approval.offered)]
    texts += [text for each in votes for text in (each.text, each.option)]
    for action in ask.actions:
        texts += (action.name, action.description, *(each.word for each in action.options))
        texts += (action.own_words or {}).values()
    joined = "\n".join(texts)
    once = list({id(each): each for each in values}.values())
    return concealer(_document(once)) is not None or concealed(joined) != joined


class ShownList(Sequence[Approval]):
    """Approvals as people see them. Each is made when it is read: of a long list people look at one page."""

    def __init__(self, approvals: Sequence[Approval]) -> None:
        self._approvals = approvals

    def __len__(self) -> int:
        return len(self._approvals)

    @overload
    def __getitem__(self, at: int) -> Approval: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Approval]: ...
    def __getitem__(self, at: int | slice) -> Approval | Sequence[Approval]:
        return ShownList(self._approvals[at]) if isinstance(at, slice) else shown(self._approvals[at])


class _Values:
    """Values as people see them. The payload, actions and reviews share values, which are read once."""

    def __init__(self) -> None:
        self._seen: dict[str, Json] = {}

    def shown(self, value: Json) -> Json:
        """See `shown_value`."""
        document = _document(value)
        if document not in self._seen:
            self._seen[document] = _shown(value, document)
        return self._seen[document]


def shown_value(value: Json) -> Json:
    """A value with the secrets in its texts and keys concealed; the same object where it holds none."""
    return _shown(value, _document(value))


def _document(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _shown(value: Json, document: str) -> Json:
    conceal = concealer(document)
    return value if conceal is None else _mapped(value, conceal)


def restored(given: Json, original: Json) -> Json:
    """Put the secrets back into `sent`, which was shown as `original`: see `problems` first."""
    if not _has_mask(given):
        return given
    seen = shown_value(original)
    return given if seen is original else _restored(given, original, seen)


def problems(given: Json, original: Json, schema: Json = None) -> Sequence[ValueProblem]:
    """Texts whose mask is ambiguous; none where nothing was concealed, in the value or in its schema."""
    if not _has_mask(given) or (shown_value(original) is original and shown_value(schema) is schema):
        return ()
    known = {each for each in _texts(original) if MASK in each}
    return [ValueProblem(path, KEPT_BACK) for path in _masks(restored(given, original), known, ())]


def _replaced(replaced: Replaced | None, values: _Values) -> Replaced | None:
    return None if replaced is None else replace(replaced, values=tuple(map(values.shown, replaced.values)))


def _ask(ask: Ask, values: _Values) -> Ask:
    return replace(
        ask,
        prompt=concealed(ask.prompt),
        actions=tuple(_action(each, values) for each in ask.actions),
        payload=values.shown(ask.payload),
        speaker=concealed(ask.speaker),
    )


def _action(action: Action, values: _Values) -> Action:
    return replace(
        action,
        name=concealed(action.name),
        value=values.shown(action.value),
        description=concealed(action.description),
        schema=_schema(action.schema, values),
        options=tuple(replace(each, word=concealed(each.word)) for each in action.options),
        own_words=action.own_words and {choice: concealed(word) for choice, word in action.own_words.items()},
    )


def _schema(schema: Mapping[str, Json] | None, values: _Values) -> Mapping[str, Json] | None:
    seen = values.shown(dict(schema or {}))
    return seen if schema is not None and isinstance(seen, dict) else schema


def _review(review: Review, values: _Values) -> Review:
    return replace(
        review,
        value=values.shown(review.value),
        votes=tuple(map(_vote, review.votes)),
        decision=_decision(review.decision, values),
    )


def _vote(vote: Vote) -> Vote:
    return replace(vote, text=concealed(vote.text), option=concealed(vote.option))


def _decision(decision: Decision | None, values: _Values) -> Decision | None:
    if decision is None:
        return None
    text, option = concealed(decision.text), concealed(decision.option)
    return replace(decision, value=values.shown(decision.value), text=text, option=option)


def _has_mask(value: Json) -> bool:
    return any(MASK in each for each in _texts(value))


def _texts(value: Json) -> Iterator[str]:
    """The texts of a value, its keys too."""
    left = [value]
    while left:
        match left.pop():
            case str(text):
                yield text
            case list(items):
                left += items
            case dict(items):
                yield from items
                left += items.values()


def _mapped(value: Json, change: Callable[[str], str]) -> Json:
    match value:
        case str():
            return change(value)
        case list():
            return [_mapped(each, change) for each in value]
        case dict():
            names = _distinct(map(change, value))
            return {name: _mapped(each, change) for name, each in zip(names, value.values(), strict=True)}
        case _:
            return value


def _distinct(names: Iterable[str]) -> Iterable[str]:
    """Number keys that look the same once masked, so that none overwrites another."""
    used: dict[str, None] = {}
    for name in names:
        numbered, count = name, 1
        while numbered in used:
            count += 1
            numbered = f"{name} ({count})"
        used[numbered] = None
    return used


def _restored(given: Json, original: Json, seen: Json) -> Json:
    """`seen` is `original` as it was shown."""
    match given, original, seen:
        case str(), str(), str() if given == seen:
            return original
        case dict(), dict(), dict():
            names = dict(zip(seen, original, strict=True))
            pairs = ((names.get(name, name), name, each) for name, each in given.items())
            return {own: _restored(each, original.get(own), seen.get(name)) for own, name, each in pairs}
        case list(), list(), list():
            kept = len(given) == len(original)
            beside = (_beside(each, index, original, seen, kept=kept) for index, each in enumerate(given))
            return [_restored(each, *found) for each, found in zip(given, beside, strict=True)]
        case _:
            return given


def _beside(given: Json, index: int, original: list[Json], seen: list[Json], *, kept: bool) -> tuple[Json, Json]:
    """The item that one of a list was, and how it was shown; `kept`: the list is as long as it was.

    It is the item at this place, or the only one that was shown like this. With two that look the same it is neither:
    their secrets differ, and one of them may have been removed from the list.
    """
    if kept and seen[index] == given:
        return original[index], seen[index]
    alike = [at for at, each in enumerate(seen) if each == given]
    if any(original[at] != original[alike[0]] for at in alike):
        return None, None
    if not alike and not kept:
        return None, None
    at = alike[0] if alike else index
    return original[at], seen[at]


def _masks(value: Json, known: Collection[str], path: Path) -> Iterator[Path]:
    """Places where a mask stands in a text that was not there before; too deep nesting is not looked into."""
    match value:
        case str() if MASK in value and value not in known:
            yield path
        case dict() if len(path) <= DEEPEST:
            for name, each in value.items():
                yield from _masks(name, known, (*path, name))
                yield from _masks(each, known, (*path, name))
        case list() if len(path) <= DEEPEST:
            for index, each in enumerate(value):
                yield from _masks(each, known, (*path, index))
        case _:
            pass
