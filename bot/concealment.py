"""What people see of a request, without secrets; and what they send back, with them.

A secret in an argument is shown as `•••`, on the card and in the form. Who edits another field sends the mask back, and
gets the secret in its place: a text that is just what was shown there is what stands there. A text with a mask in it
that is anything else cannot be understood, and is refused at its field: guessing could run what nobody saw (P4).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bot.masking import MASK, concealed
from engine.approval import Approval, Replaced, Review, Vote
from engine.ask import Action, Ask, Decision, Json, Problem

KEPT_BACK = f"{MASK} stands for a secret. Leave this field as it was, or write all of it without {MASK}."

Path = tuple[str | int, ...]


def shown(approval: Approval) -> Approval:
    """The approval as people see it; the very same where it holds no secret."""
    seen = replace(
        approval,
        ask=_ask(approval.ask),
        reviews=tuple(map(_review, approval.reviews)),
        note=concealed(approval.note),
        replaced=_replaced(approval.replaced),
        offered=tuple(replace(each, text=concealed(each.text)) for each in approval.offered),
    )
    return approval if seen == approval else seen


def shown_value(value: Json) -> Json:
    """A value with the secrets in its texts concealed; keys stay."""
    return _mapped(value, concealed)


def restored(given: Json, original: Json) -> Json:
    """What was sent for `original`, as it was shown, with the secrets put back: see `problems` first."""
    match given, original:
        case str(), str() if given == concealed(original):
            return original
        case dict(), dict():
            return {key: restored(each, original.get(key)) for key, each in given.items()}
        case list(), list():
            return [restored(each, _beside(each, index, original)) for index, each in enumerate(given)]
        case _:
            return given


def problems(given: Json, original: Json) -> Sequence[Problem]:
    """The texts whose mask cannot be told; none where nothing was concealed."""
    if shown_value(original) == original:
        return ()
    return [Problem(path, KEPT_BACK) for path in _masks(restored(given, original), original, ())]


def _replaced(replaced: Replaced | None) -> Replaced | None:
    return None if replaced is None else replace(replaced, values=tuple(map(shown_value, replaced.values)))


def _ask(ask: Ask) -> Ask:
    return replace(
        ask,
        prompt=concealed(ask.prompt),
        actions=tuple(map(_action, ask.actions)),
        payload=shown_value(ask.payload),
        speaker=concealed(ask.speaker),
    )


def _action(action: Action) -> Action:
    return replace(
        action,
        name=concealed(action.name),
        value=shown_value(action.value),
        description=concealed(action.description),
    )


def _review(review: Review) -> Review:
    return replace(
        review,
        value=shown_value(review.value),
        votes=tuple(map(_vote, review.votes)),
        decision=_decision(review.decision),
    )


def _vote(vote: Vote) -> Vote:
    return replace(vote, text=concealed(vote.text))


def _decision(decision: Decision | None) -> Decision | None:
    if decision is None:
        return None
    return replace(decision, value=shown_value(decision.value), text=concealed(decision.text))


def _mapped(value: Json, change: Callable[[str], str]) -> Json:
    match value:
        case str():
            return change(value)
        case list():
            return [_mapped(each, change) for each in value]
        case dict():
            return {key: _mapped(each, change) for key, each in value.items()}
        case _:
            return value


def _beside(given: Json, index: int, original: list[Json]) -> Json:
    """The item that one of a list was: the one that looked so, wherever it stood, else the one in its place."""
    same = (each for each in original[index : index + 1] + original if shown_value(each) == given)
    return next(same, original[index] if index < len(original) else None)


def _masks(value: Json, original: Json, path: Path) -> Iterator[Path]:
    """Where a mask stands that did not stand there before."""
    match value:
        case str() if MASK in value and value != original:
            yield path
        case dict():
            known = original if isinstance(original, dict) else {}
            for key, each in value.items():
                yield from _masks(each, known.get(key), (*path, key))
        case list():
            known_items = original if isinstance(original, list) else []
            for index, each in enumerate(value):
                yield from _masks(each, _beside(each, index, known_items), (*path, index))
        case _:
            pass
