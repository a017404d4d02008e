r"""Which tool a pattern means, where names can lie.

A pattern (`get_*`) is written for names that its author knows. A server of tools, or a model, may name a tool so that
it looks like another one: `get_\u0430ll` with a Cyrillic letter, `delete\u200b_all` with an invisible character. Such
a name would pass by the rule that is meant for it, or slip into one that approves. So a name is matched with certainty
only where it is plain ASCII, or where the pattern spells it out, character by character and without wildcards. For any
other name each pattern that it could be taken for gives UNKNOWN: a person is asked (`engine.rules.conditions`). A gate
treats UNKNOWN as a match.

To compare likenesses, accents and invisible characters are left out, compatibility forms (full-width and mathematical
letters, ligatures) become what they stand for, and every other character from outside ASCII stands for any one. Wide
East Asian characters stand for themselves, since no ASCII character looks like them.
"""

import re
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache

from engine.rules.conditions import Verdict

LONGEST = 128
"""Characters of a name; nothing matches a longer one with certainty."""

_PLAIN = re.compile(rf"[A-Za-z0-9_.:/-]{{1,{LONGEST}}}")
_WILD = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*+|\[!?\]?[^\]]*\]|.", re.DOTALL)
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Cs", "Zs", "Zl", "Zp"})
"""Categories of characters that change a name without being seen, or hardly."""
_ANY, _STAR = "\0", "\1"
"""Stand for any character, and for any number of them: `_folded` leaves neither in a name."""


def match(pattern: str | None, name: str) -> Verdict:
    """Whether a pattern of `app.yaml` means the tool of this name; None, no pattern, means what `*` does."""
    pattern = "*" if pattern is None else pattern
    if pattern == name:
        return Verdict.UNKNOWN if _WILD.search(pattern) else Verdict.HOLDS
    if is_plain(name):
        return Verdict.HOLDS if fnmatchcase(name, pattern) else Verdict.FAILS
    if len(name) > LONGEST or fnmatchcase(name, pattern):
        return Verdict.UNKNOWN
    return Verdict.UNKNOWN if _likenesses(pattern).fullmatch(_folded(name)) else Verdict.FAILS


def is_plain(name: str) -> bool:
    """Whether a name is written in plain ASCII, so that it is no other than it looks."""
    return _PLAIN.fullmatch(name) is not None


def _folded(text: str) -> str:
    """A text without what is hardly seen of it; a character that could look like any other is `_ANY`."""
    spread = unicodedata.normalize("NFKD", text)
    seen = unicodedata.normalize("NFKC", "".join(c for c in spread if unicodedata.category(c) not in _UNSEEN))
    return "".join(c if c.isascii() or unicodedata.east_asian_width(c) == "W" else _ANY for c in seen)


@lru_cache(maxsize=1024)
def _likenesses(pattern: str) -> re.Pattern[str]:
    """All folded names that could be taken for one that a pattern means."""
    first, *others = "".join(map(_likeness, _TOKEN.findall(_folded(pattern)))).split(_STAR)
    if not others:
        return re.compile(first, re.DOTALL)
    # Each stretch between two stars is taken where it is found first, so that no name takes long.
    middle = "".join(f"(?>.*?{stretch})" for stretch in others[:-1])
    return re.compile(f"{first}{middle}.*{others[-1]}", re.DOTALL)


def _likeness(token: str) -> str:
    """A regular expression for one token of a pattern; a likeness of `[a-z]` may be any character."""
    if token.startswith("*"):
        return _STAR
    if token in ("?", _ANY) or len(token) > 1:
        return "."
    return f"[{re.escape(token)}{_ANY}]"
