"""Recognises a branch that takes a person's values in place of the shown ones, and otherwise acts as an approval.

LangGraph's tutorial has one: `if reply["correct"] == "y"` keeps what the model found, and the other branch keeps
`reply.get("name", name)`. No effect tells the two apart, and the second is no refusal, since it goes ahead too: it is
an edit. The difference is in the state that they leave. Each field there has to be what an approval leaves, or the
person's value in place of a shown one; only a message about it may differ.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from adapters.langgraph.reading.answers.groups import skeleton
from adapters.langgraph.reading.answers.probe import Behaviour, Probed
from adapters.langgraph.reading.code.values import Listed, Made, Value, atoms_of


def corrects(probed: Probed, tried: Behaviour, approving: Behaviour) -> bool:
    """Tell whether an answer corrects what an approval would have taken as shown."""
    if not tried.is_known or probed.raises(tried) or len(tried.traces) != 1 or len(approving.traces) != 1:
        return False
    (effects, _, *reached), (same_effects, _, *same_reached) = _parts(tried, probed), _parts(approving, probed)
    if (effects, reached) != (same_effects, same_reached):
        return False
    kept, shown = _kept(tried), _kept(approving)
    if kept.keys() != shown.keys():
        return False
    pairs = [(kept[key], shown[key]) for key in kept if not (_is_said(kept[key]) and _is_said(shown[key]))]
    changed = [(new, old) for new, old in pairs if atoms_of(new) != atoms_of(old)]
    return bool(changed) and all(_replaces_shown(new, old, probed) for new, old in changed)


def _parts(each: Behaviour, probed: Probed) -> tuple[Any, ...]:
    made: Any = skeleton(each, probed)
    return tuple(made)


def _kept(each: Behaviour) -> Mapping[Any, Value]:
    """Return what is left in the state, by key."""
    return dict(each.traces[0].kept)


def _is_said(value: Value) -> bool:
    items = value.items if isinstance(value, Listed) else [value]
    return bool(items) and all(isinstance(each, Made) and _is_message(each.cls) for each in items)


def _is_message(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, BaseMessage)


def _replaces_shown(new: Value, old: Value, probed: Probed) -> bool:
    """Tell whether one is the person's own value, and the other something that the request shows."""
    return new.given and bool(atoms_of(old)) and all(probed.shows(atom) for atom in atoms_of(old))
