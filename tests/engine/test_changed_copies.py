"""`engine.values.replace` does what `dataclasses.replace` does."""

import dataclasses
from typing import Any

import pytest
from support.slack_samples import ALICE, BOB, approval

from engine.approvals.approval import State
from engine.authority.policy import one_part, person
from engine.values import replace

APPROVAL = approval()


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (APPROVAL, {}),
        (APPROVAL, {"state": State.DECIDED, "version": 7}),
        (APPROVAL.reviews[0], {"revision": 2}),
        (APPROVAL.ask, {"prompt": "Now?"}),
        (APPROVAL.place, {"thread_ts": None}),
        (one_part("rule", person(BOB)), {"own_requests": True}),
    ],
)
def test_a_changed_copy_is_what_python_makes_of_it(value: Any, changes: dict[str, Any]) -> None:
    before = dataclasses.astuple(value)
    made = replace(value, **changes)
    assert made == dataclasses.replace(value, **changes)
    assert type(made) is type(value)
    assert made is not value
    assert dataclasses.astuple(value) == before


@pytest.mark.parametrize("value", [APPROVAL, APPROVAL.place])
def test_a_field_that_is_not_there_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="colour"):
        replace(value, colour="red")


def test_a_copy_is_checked_like_any_other_value() -> None:
    with pytest.raises(ValueError, match="quorum"):
        replace(one_part("rule", person(ALICE)), reject_quorum=0)


def test_a_copy_cannot_be_changed_either() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(APPROVAL, version=2).version = 3  # type: ignore[misc]
