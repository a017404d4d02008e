r"""Matching of tool names against patterns, safe against names that look like others.

A pattern (`get_*`) is written for names that its author knows. A server of tools, or a model, may name a tool so that
it looks like another one: `get_\u0430ll` with a Cyrillic letter, `delete\u200b_all` with an invisible character. Such
a name would escape the rule that is meant for it, or match one that approves. So a name matches with certainty only if
it is plain ASCII, or if the pattern spells it out without wildcards. For any other name, a pattern that it could be
taken for gives UNKNOWN, and a person is asked (`engine.rules.conditions`). A gate treats UNKNOWN as a match.

To compare likenesses, accents and invisible characters are removed, compatibility forms (full-width and mathematical
letters, ligatures) are replaced by what they stand for, and any other character outside ASCII stands for any character.
Wide East Asian characters stand for themselves, since no ASCII character looks like them.
"""

import re
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache

from engine.rules.conditions import Verdict

LONGEST = 128
"""The longest name that can match with certainty."""

_PLAIN = re.compile(rf"[A-Za-z0-9_.:/-]{{1,{LONGEST}}}")
_WILD = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*+|\[!?\]?[^\]]*\]|.", re.DOTALL)
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Cs", "Zs", "Zl", "Zp"})
"""Categories of characters that change a name invisibly, or nearly so."""
_ANY, _STAR = "\0", "\1"
"""Placeholders for any character, and for any number of characters; no folded name contains them."""


def match(pattern: str | None, name: str) -> Verdict:
    """Match a tool's name against a pattern of `app.yaml`; None, no pattern, is the same as `*`."""
    pattern = "*" if pattern is None else pattern
    if pattern == name:
        return Verdict.UNKNOWN if _WILD.search(pattern) else Verdict.HOLDS
    if is_plain(name):
        return Verdict.HOLDS if fnmatchcase(name, pattern) else Verdict.FAILS
    if len(name) > LONGEST or fnmatchcase(name, pattern):
        return Verdict.UNKNOWN
    return Verdict.UNKNOWN if _likenesses(pattern).fullmatch(_folded(name)) else Verdict.FAILS


def is_plain(name: str) -> bool:
    """True if a name is plain ASCII, so that it is what it looks like."""
    return _PLAIN.fullmatch(name) is not None


def _folded(text: str) -> str:
    """Fold a name: remove what is hardly visible, and replace characters that could look like others by `_ANY`."""
    spread = unicodedata.normalize("NFKD", text)
    seen = unicodedata.normalize("NFKC", "".join(c for c in spread if unicodedata.category(c) not in _UNSEEN))
    return "".join(c if c.isascii() or unicodedata.east_asian_width(c) == "W" else _ANY for c in seen)


@lru_cache(maxsize=1024)
def _likenesses(pattern: str) -> re.Pattern[str]:
    """Compile a regular expression for all folded names that could be taken for a match of the pattern."""
    first, *others = "".join(map(_likeness, _TOKEN.findall(_folded(pattern)))).split(_STAR)
    if not others:
        return re.compile(first, re.DOTALL)
    # Each stretch between two stars is taken where it is found first, so that no name takes long.
    middle = "".join(f"(?>.*?{stretch})" for stretch in others[:-1])
    return re.compile(f"{first}{middle}.*{others[-1]}", re.DOTALL)


def _likeness(token: str) -> str:
    """Make a regular expression for one token of a pattern; `[a-z]` may look like any character."""
    if token.startswith("*"):
        return _STAR
    if token in ("?", _ANY) or len(token) > 1:
        return "."
    return f"[{re.escape(token)}{_ANY}]"
