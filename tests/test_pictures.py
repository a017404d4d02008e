"""The pictures of README and docs are current: `make pictures` takes them, and keeps the words of each."""

import json
import re

import pytest
from support.pages import ROOT
from support.said import is_said

IMAGES = ROOT / "docs" / "images"
WORDS: dict[str, dict[str, list[str]]] = json.loads((IMAGES / "words.json").read_text(encoding="utf-8"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", WORDS)
def test_a_picture_shows_what_the_code_says_today(name: str) -> None:
    old = [line for line in WORDS[name]["sentences"] if not is_said(line)]
    assert old == [], f"docs/images/{name}.png is out of date: make pictures takes it anew"


def test_each_picture_stands_on_a_page_and_has_its_words() -> None:
    shown = {
        name for page in PAGES for name in re.findall(r"images/([\w/-]+)\.png\)", page.read_text(encoding="utf-8"))
    }
    there = {str(file.relative_to(IMAGES).with_suffix("")) for file in IMAGES.rglob("*.png")}
    assert shown == there == set(WORDS)


def test_an_old_sentence_is_found() -> None:
    assert sum(len(words["sentences"]) for words in WORDS.values()) > 200
    assert is_said("Requested by @alice via deploy")
    assert not is_said("Requested from @alice via deploy")
    assert not is_said("What you leave alone won't change.")
