"""Verdicts of conditions, as routing uses them: three of them, and how the parts of a rule combine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.conditions import Verdict, all_of

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ((), HOLDS),
        ((HOLDS, HOLDS), HOLDS),
        ((HOLDS, FAILS), FAILS),
        ((HOLDS, UNKNOWN), UNKNOWN),
        ((UNKNOWN, FAILS), FAILS),
    ],
)
def test_a_rule_applies_where_all_its_parts_hold(parts: tuple[Verdict, ...], whole: Verdict) -> None:
    assert all_of(parts) is whole


@pytest.mark.promise("P6")
@given(st.lists(st.sampled_from(Verdict)))
def test_nothing_holds_of_which_a_part_does_not(parts: list[Verdict]) -> None:
    assert (all_of(parts) is HOLDS) == all(each is HOLDS for each in parts)
