"""Finds characters that deceive a reader, and passes each to a function that spells it out.

| kind | spelled out | left as it is |
|---|---|---|
| controls, bidi overrides, fillers, other invisible characters | always | |
| joiners, variation selectors, tags | elsewhere | where a script, an emoji or a flag needs them |
| spaces that are not U+0020 | elsewhere | in typography: beside digits, punctuation, capitals; U+3000 beside CJK |
| combining marks | the fifth on a letter, the same one twice | up to four |
| look-alike letters of two alphabets in one word | those of the rarer one | Greek that looks like no Latin letter |
| `;`, `K` and the backtick by another code point | always | |

A word of one alphabet is never touched, even if it looks like a word of another one.

Sources: https://www.unicode.org/reports/tr31/#Layout_and_Format_Control_Characters,
https://www.unicode.org/reports/tr51/#emoji_zwj_sequences, https://www.unicode.org/reports/tr36/,
https://www.unicode.org/reports/tr39/#Optional_Detection
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from idna import valid_contextj

Write = Callable[[str], str]

_MOST_MARKS = 4

# Sequences that need their invisible characters.
_PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f3fa\U0001f400-\U0001faff][\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]?"
)
_TAGGED = "|".join("".join(chr(0xE0000 + ord(each)) for each in flag) for flag in ("gbeng", "gbsct", "gbwls"))
_SEQUENCES = (
    f"\U0001f3f4(?:{_TAGGED})\U000e007f",
    f"{_PICTOGRAPH}(?:\u200d{_PICTOGRAPH})*",
    "[0-9#*]\ufe0f?\u20e3",  # keycaps
    "[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff][\ufe00-\ufe02\U000e0100-\U000e01ef]",  # variants of ideographs
    "[\u1820-\u18aa][\u180b-\u180d\u180f]",  # variants of Mongolian letters
    "(?<=[\u1820-\u18aa])\u180e(?=[\u1820\u1821])",  # their vowel separator
    "(?<=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b(?=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])",  # word breaks
    "(?<=[\u2801-\u28ff])\u2800(?=[\u2801-\u28ff])",  # a blank between Braille cells
)
_HIDDEN = (
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\ufffb\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags and variation selectors of the supplementary planes
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0\ufe00-\ufe0f"  # drawn as nothing
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # halves of pairs, and what is no character
    "\u037e\u1fef\u212a"  # canonically equivalent to ASCII characters
    "]"
)
_HARMLESS = re.compile("[\t\n -~\u00b7\u2013\u2014\u2026]*")
"""ASCII, and the dots and dashes of our own sentences."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_UNSEEN = re.compile(f"(?P<sequence>{'|'.join(_SEQUENCES)})|{_HIDDEN}")
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_NEAR = 8
"""Characters on either side of a joiner that are its context."""

_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u205f\u202f\u3000]")
_TYPOGRAPHIC = "\u00a0\u202f\u2009"
_OPENING = "\u00ab\u2039\u201e(.,:;\u00b0\u2116\u2013\u2014"
_CLOSING = "\u00bb\u203a!?:;%\u2030\u2013\u2014"
_WIDE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")

_LETTERS = re.compile("(?:[^\\W_][\u0300-\u036f]*)+")
_MARKS = re.compile("[^\\w\\s\x00-\u02ff]{2,}")
_ALIKE = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "COPTIC", "CHEROKEE", "LISU", "DESERET", "GOTHIC"})
_GREEK_LIKE_LATIN = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳικνορυϲόίύ")


def spell_out(text: str, write: Write) -> str:
    """The text, with each deceptive character replaced by what `write` makes of it."""
    if _HARMLESS.fullmatch(text):  # most texts
        return text
    if text.isascii():  # only control characters can deceive in it
        return _CONTROL.sub(lambda found: write(found.group()), text)
    text = _LETTERS.sub(lambda found: _of_one_alphabet(found.group(), write), text)
    text = _MARKS.sub(lambda found: _unstacked(found.group(), write), text)
    text = _UNSEEN.sub(lambda found: found.group() if _is_needed(found) else write(found.group()), text)
    return _SPACE.sub(lambda found: found.group() if _is_typography(found) else write(found.group()), text)


# Joiners --------------------------------------------------------------------------------------------------------------


def _is_needed(found: re.Match[str]) -> bool:
    if found.lastgroup == "sequence":
        return True
    at, text = found.start(), found.string
    before, after = text[max(0, at - _NEAR) : at], text[at + 1 : at + 1 + _NEAR]
    match found.group():
        case "\u200c":
            return _non_joiner_fits(before, after)
        case "\u200d":
            return _joiner_fits(before, after)
        case _:
            return False


def _non_joiner_fits(before: str, after: str) -> bool:
    """True if a non-joiner changes the shape of the letters beside it: rule A of UAX #31."""
    try:
        return bool(after[:1].strip()) and valid_contextj(f"{before}{_NON_JOINER}{after}", len(before))
    except ValueError:  # beside an unassigned code point
        return False


def _joiner_fits(before: str, after: str) -> bool:
    """True if a joiner does: beside a virama, or if it gives a lone cursive letter its joined shape."""
    if any(each and unicodedata.combining(each) == 9 for each in (before[-1:], after[:1])):  # noqa: PLR2004 - virama
        return unicodedata.category(before[-1:] or " ")[0] in "LM"
    dual = "\u0628"
    return _non_joiner_fits(before, dual) is not _non_joiner_fits(dual, after)


# Spaces ---------------------------------------------------------------------------------------------------------------


def _is_typography(found: re.Match[str]) -> bool:
    """True if typography puts a space here: `12 %`, `Bonjour !`, `M. Dupont`, `Louis XIV`.

    Between two words in lower case it looks like a space and is none: a command would read it differently.
    """
    before, after = found.string[found.start() - 1 : found.start()], found.string[found.end() : found.end() + 1]
    if found.group() == "\u3000":
        return bool(_WIDE.match(before) or _WIDE.match(after))
    if found.group() not in _TYPOGRAPHIC or not before.strip() or not after.strip():
        return False
    return before in _OPENING or after in _CLOSING or _counts(before) or _counts(after) or after.isupper()


def _counts(each: str) -> bool:
    """A digit, or the sign of a currency."""
    return each.isdecimal() or unicodedata.category(each) == "Sc"


# Marks ----------------------------------------------------------------------------------------------------------------


def _unstacked(run: str, write: Write) -> str:
    """A run without letters, with the combining marks spelled out that no letter carries."""
    made, count, last = list[str](), 0, ""
    for each in run:
        count = count + 1 if unicodedata.category(each) in ("Mn", "Me") else 0
        made.append(write(each) if count > _MOST_MARKS or (count > 1 and each == last) else each)
        last = each
    return "".join(made)


# Letters --------------------------------------------------------------------------------------------------------------


def _of_one_alphabet(word: str, write: Write) -> str:
    """A word with the letters of its rarer alphabets spelled out, if it mixes alphabets that look alike."""
    if word.isascii():
        return word
    counted = Counter(alphabet for alphabet in map(_alphabet, word) if alphabet)
    if len(counted) < 2 or (set(counted) == {"LATIN", "GREEK"} and _GREEK_LIKE_LATIN.isdisjoint(word)):  # noqa: PLR2004
        return word
    main = max(counted, key=lambda each: (counted[each], each == "LATIN"))
    return "".join(each if _alphabet(each) in ("", main) else write(each) for each in word)


@lru_cache(maxsize=4_096)
def _alphabet(letter: str) -> str:
    """The alphabet of a letter by its Unicode name; "" if it is none of those that look alike."""
    first = unicodedata.name(letter, "").partition(" ")[0]
    return first if letter.isalpha() and first in _ALIKE else ""
