"""The examples of docs/conditions.md are conditions."""

import re
from pathlib import Path

import pytest

from adapters.conditions import CelConditions
from engine.rules.conditions import Name

PAGE = (Path(__file__).parents[3] / "docs" / "conditions.md").read_text()
EXAMPLES = [
    *re.findall(r'if: "([^"]+)"', PAGE),
    *re.findall(r"^\| `([^`]+)` \|", PAGE.partition("| condition |")[2], re.MULTILINE),
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_condition(text: str) -> None:
    assert not isinstance(CelConditions().compiled(text, "Europe/Berlin"), (list, tuple))


def test_the_page_has_examples_and_all_names() -> None:
    assert len(EXAMPLES) == 11
    for name in Name:
        assert f"`{name}" in PAGE
