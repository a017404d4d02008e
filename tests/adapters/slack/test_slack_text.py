"""Untrusted text can neither style, link, notify nor hide."""

import json
import re
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.slack.drawing.untrusted_text import (
    changes,
    clipped,
    document,
    escaped,
    line_diff,
    mrkdwn,
    plain_line,
    pretty,
    scalar,
    unmarked,
    visible,
)

UNHURRIED = settings(deadline=None, max_examples=60)
HOSTILE = st.text(st.sampled_from("ab <>&!@#|*_~`:\n\t\u202e\u200b\u2066\u00ad\ufeff\x00\x1b\ud800é漢😀"), max_size=60)


def test_every_control_and_format_character_of_unicode_is_made_visible() -> None:
    hidden = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs")]
    drawn = (
        "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"  # signs over digits
    )
    left = [
        f"U+{ord(each):04X}" for each in hidden if each not in f"\n\t{drawn}" and visible(f"a{each}b") == f"a{each}b"
    ]
    assert left == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("safe\u202egnp.exe", "safe⟦U+202E⟧gnp.exe"),
        ("pay\u200bpal", "pay⟦U+200B⟧pal"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a⟦U+000D⟧b"),
        ("\U000e0041", "⟦U+E0041⟧"),
        ("tab\tand\nline stay", "tab\tand\nline stay"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> now", "&lt;!channel&gt; now"),
        ("<@U123>", "&lt;@U123&gt;"),
        ("<!subteam^S1>", "&lt;!subteam^S1&gt;"),
        ("<https://evil.example|bank>", "&lt;https://evil.example|bank&gt;"),
        ("a & b", "a &amp; b"),
    ],
)
def test_mentions_broadcasts_and_links_are_only_text(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_nothing_styles_and_names_stay_readable() -> None:
    assert mrkdwn("deploy_service *now* `x` ~y~ _z_ :tada:") == (
        "deploy_service \u2217now\u2217 \u02cbx\u02cb \u223cy\u223c \uff3fz\uff3f \ua789tada:"
    )


@UNHURRIED
@given(HOSTILE)
def test_markup_has_nothing_that_slack_would_read(text: str) -> None:
    shown = mrkdwn(text)
    assert not re.search(r"[<>*~`]", shown)
    assert visible(shown) == shown
    shown.encode()


@UNHURRIED
@given(HOSTILE)
def test_marks_turn_back_into_the_characters_they_stand_for(text: str) -> None:
    assert unmarked(visible(text), text) == text.replace("\r\n", "\n")


def test_a_mark_that_the_original_did_not_have_stays_as_it_was_typed() -> None:
    assert unmarked("⟦U+202E⟧", "plain") == "⟦U+202E⟧"
    assert unmarked("⟦U+FFFFFF⟧", "plain") == "⟦U+FFFFFF⟧"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("billing", "billing"), ("3", '"3"'), (3, "3"), ("true", '"true"'), (None, "null"), ("", '""'), (" x", '" x"')],
)
def test_a_string_never_passes_for_another_value(value: object, shown: str) -> None:
    assert scalar(value) == shown  # type: ignore[arg-type]


@UNHURRIED
@given(st.recursive(st.none() | st.booleans() | st.integers() | HOSTILE, st.lists, max_leaves=5))
def test_a_document_is_json_in_which_nothing_hides(value: object) -> None:
    written = document(value)  # type: ignore[arg-type]
    assert json.loads(written) == value
    assert visible(written) == written


def test_changes_are_told_field_by_field() -> None:
    before = {"a": 1, "b": "x", "c": [1]}
    after = {"a": 2, "b": "x", "d": True}
    told = [(each.field, each.before, each.after) for each in changes(before, after)]  # type: ignore[arg-type]
    assert told == [("a", "1", "2"), ("c", "[\n  1\n]", None), ("d", None, "true")]
    assert changes("same", "same") == []
    assert [(each.before, each.after) for each in changes([], 1)] == [("[]", "1")]


def test_a_text_is_compared_line_by_line() -> None:
    before = "one\ntwo\nthree\nfour\nfive\nsix"
    assert line_diff(before, before.replace("four", "4")) == "  three\n- four\n+ 4\n  five"


def test_a_huge_text_is_not_compared() -> None:
    assert line_diff("x\n" * 3_000, "y") == "(before: 6,000 characters in 3,001 lines; after: 1 in 1)"


def test_clipping_and_labels() -> None:
    assert clipped("abcdef", 4) == "abc…"
    assert plain_line(" a\n b ", 10) == "a b"
    assert plain_line("", 10) == "(empty)"


@pytest.mark.promise("P4")
@given(st.text(st.characters(codec="ascii"), max_size=30))
@example("".join(map(chr, range(128))))
def test_what_is_plain_ascii_is_read_as_any_other_text(text: str) -> None:
    assert visible(f"{text} é") == f"{visible(text)} é"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
        max_leaves=12,
    )
)
def test_json_for_people_is_indented_as_python_does_it(value: Any) -> None:
    assert pretty([value]) == json.dumps([value], indent=2, ensure_ascii=False)


@given(st.text(alphabet='{}[]":,-.0123456789aeflnrstuINy', max_size=8))
def test_a_text_that_is_json_is_quoted(text: str) -> None:
    try:
        json.loads(text)
        quoted = True
    except ValueError:
        quoted = text == ""
    assert scalar(text) == (json.dumps(text) if quoted else text)
