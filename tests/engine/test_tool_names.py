"""A name that only looks like a tool's is never matched with certainty: a person is asked."""

import time
import unicodedata
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.conditions import Verdict
from engine.rules.tool_names import LONGEST, match

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN

PLAIN = st.text("abcdefgz_AZ09.:/-", min_size=1, max_size=12)
PATTERNS = st.text("abgt_*?[!]-\u0430\u00e9\uff45\u200b", max_size=8)

LOOK_ALIKES = {
    "Cyrillic": "delete_\u0430ll",
    "Greek": "d\u03b5lete_all",
    "full width": "\uff44elete_all",
    "mathematical": "\U0001d41d\U0001d41elete_all",
    "accented, composed": "d\u00e9lete_all",
    "accented, decomposed": "de\u0301lete_all",
    "zero-width space": "delete\u200b_all",
    "soft hyphen": "delete\u00ad_all",
    "right-to-left mark": "\u200fdelete_all",
    "variation selector": "delete\ufe0f_all",
    "trailing space": "delete_all ",
    "no-break space": "delete_all\u00a0",
    "trailing newline": "delete_all\n",
    "NUL": "delete_all\0",
    "lone surrogate": "delete_all\udc80",
    "other underscore": "delete\uff3fall",
    "dotless i and others": "\u0501\u0435\u04cf\u0435t\u0435_\u0430ll",
}


@pytest.mark.parametrize(
    ("pattern", "name", "verdict"),
    [
        ("get_*", "get_all", HOLDS),
        ("get_*", "put_all", FAILS),
        ("get_*", "Get_all", FAILS),
        ("get_[ab]*", "get_all", HOLDS),
        ("get_?", "get_a", HOLDS),
        ("*", "files:read/all.v2", HOLDS),
        ("l\u00f6schen", "l\u00f6schen", HOLDS),
        ("l\u00f6schen", "lo\u0308schen", UNKNOWN),
        ("l\u00f6*", "l\u00f6schen", UNKNOWN),
        ("get_*", "\u8aad\u53d6_\u5168\u90e8", FAILS),
        ("\u8aad\u53d6", "\u8aad\u53d6", HOLDS),
        ("\u8aad\u53d6*", "\u8aad\u53d6_\u5168\u90e8", UNKNOWN),
        ("\u524a\u9664*", "\u8aad\u53d6_\u5168\u90e8", FAILS),
        ("tool[1]", "tool[1]", UNKNOWN),
        ("*", "", UNKNOWN),
        (None, "get_all", HOLDS),
        (None, "get_\u0430ll", UNKNOWN),
        ("get_*", "get_" + "a" * LONGEST, UNKNOWN),
    ],
)
def test_a_pattern_means_the_plain_names_that_fit_it(pattern: str | None, name: str, verdict: Verdict) -> None:
    assert match(pattern, name) is verdict


@pytest.mark.promise("P6")
@pytest.mark.parametrize("name", LOOK_ALIKES.values(), ids=LOOK_ALIKES.keys())
def test_a_look_alike_neither_passes_by_the_rule_for_the_name_nor_is_approved_by_one_for_all(name: str) -> None:
    for pattern in ("delete_all", "delete_*", "*_all", "d*_*l", "d?lete_all", "[d]elete_all", "*"):
        assert match(pattern, name) is UNKNOWN, pattern
    assert match("refund_*", name) is FAILS


@pytest.mark.promise("P6")
@given(PATTERNS, st.text(min_size=1, max_size=12))
def test_only_a_plain_name_or_one_that_is_spelt_out_matches_with_certainty(pattern: str, name: str) -> None:
    if match(pattern, name) is HOLDS:
        assert name.isascii() or pattern == name


@given(PATTERNS, PLAIN)
def test_a_plain_name_is_matched_as_fnmatch_does(pattern: str, name: str) -> None:
    if pattern != name:
        assert match(pattern, name) is (HOLDS if fnmatchcase(name, pattern) else FAILS)


@pytest.mark.promise("P6")
@given(PATTERNS, PLAIN, st.data())
def test_no_single_disguise_of_a_name_escapes_its_rule(pattern: str, name: str, data: st.DataObject) -> None:
    if match(pattern, name) is FAILS:
        return
    place = data.draw(st.integers(0, len(name) - 1))
    with_joker = name[:place] + data.draw(st.sampled_from("\u0430\u03bf\u0131\u1d00")) + name[place + 1 :]
    with_unseen = name[:place] + data.draw(st.sampled_from("\u200b\u0301\u00ad \n")) + name[place:]
    for disguised in (with_joker, with_unseen, unicodedata.normalize("NFD", with_joker)):
        assert match(pattern, disguised) is not FAILS


def test_a_long_name_for_a_pattern_of_many_stars_takes_no_time() -> None:
    began = time.process_time()
    assert match("*a" * 20 + "*b", "\u0430" * LONGEST) is UNKNOWN
    assert match("*a" * 20 + "*b", "\u8aad" + "a" * (LONGEST - 1)) is FAILS
    assert time.process_time() - began < 1
