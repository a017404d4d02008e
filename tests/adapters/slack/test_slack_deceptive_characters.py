"""What an approver reads is what is sent: a character that deceives is written out, and real text is left alone."""

# ruff: noqa: RUF001 - letters that look alike are what these tests are about

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.drawing.untrusted_text import unmarked, visible

pytestmark = pytest.mark.promise("P4")
UNHURRIED = settings(deadline=None, max_examples=300)

REAL = {
    "emoji of several people": "👨‍💻 👩‍❤️‍💋‍👨 🧑‍🤝‍🧑 👩🏽‍🚒 🏳️‍🌈 🏴‍☠️ 👁️‍🗨️ ❤️‍🔥",
    "emoji and text style, keycaps": "❤️ ☎︎ 1️⃣ #️⃣ ⚠️ ✅",
    "flags": "🇩🇪 🇺🇦 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "Persian": "می‌خواهم کتاب‌ها نمی‌دانم خانه‌ای سال ۱۴۰۲ ه‍.ش.",
    "Arabic": "السلام عليكم بِسْمِ ٱللَّهِ الرَّحْمٰنِ الـAPI",
    "Hindi and Marathi": "नमस्‍ते क्‌ष दर्‍या क्षत्रिय",
    "Bengali": "র‍্যাম র‍্যাব বাংলা",
    "Malayalam": "ന്‍ ശ്രീ മലയാളം",
    "Sinhala": "ශ්‍රී ලංකා ක්‍ෂ",
    "Tamil and Telugu": "க்‌ஷ தமிழ் తెలుగు",
    "Thai, Khmer and Burmese": "ภาษา\u200bไทย ខ្មែរ\u200bភាសា မြန်မာ",
    "Tibetan": "བོད་སྐད་ སྒྲུབ ཧཱུྃ",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ ᠬᠡᠯᠡ ᠨᠠᠭᠠ\u180eᠠ",
    "Hebrew": "שָׁלוֹם עֲלֵיכֶם הAPI",
    "Japanese": "日本語のテキスト　全角。Pythonで書くiPhone 葛󠄀城 カタカナとひらがな",
    "Korean and Chinese": "한국어 API를 PDF파일 中文字符，简体 ㄅㄆㄇ注音",
    "French": "« Bonjour » : c’est 12 % de 10 000 €, n° 5 ! M. Dupont, Louis XIV",
    "German and Turkish": "Straße, Übergröße, 5 kg; İstanbul ışık",
    "Vietnamese": "Tiếng Việt, decomposed: e\u0302\u0323 a\u0306\u0301",
    "Polish, Icelandic, Dutch": "Łódź, Þórr Ægir, ĳsvogel",
    "Russian": "Привет, мир! IT-отдел, git-ветка, MP3-плеер, отчёт_final.pdf, user@почта.рф",
    "Ukrainian and Serbian": "Її ґанок, Љубав ђак",
    "Greek": "Ελληνικά: όνομα, ρυθμός",
    "Greek in science": "µm μm Δt kΩ λx TNFα IFNγ βCarotene 5μL χ2",
    "Armenian and Georgian": "Հայերեն ქართული",
    "Cherokee and Coptic": "ᏣᎳᎩ ⲙⲉⲧⲣⲉⲙ",
    "Braille": "⠓⠑⠇⠇⠕⠀⠺⠕⠗⠇⠙",
    "Quran": "ۖ قُلْ هُوَ ٱللَّهُ أَحَدٌ ۝١",
    "code": "naïve_café = [x ** 2 for x in range(10)]  # π ≈ 3.14 → ok",
}


@pytest.mark.parametrize("text", REAL.values(), ids=REAL)
def test_real_text_of_any_script_is_left_as_it_is(text: str) -> None:
    assert visible(text) == text


DECEIVING = {
    "a Cyrillic letter in a Latin word": ("p\u0430ypal", "p⟦U+0430⟧ypal"),
    "a Latin letter in a Cyrillic word": ("з\u0061пуск", "з⟦U+0061⟧пуск"),
    "a Greek capital": ("\u039fnline", "⟦U+039F⟧nline"),
    "an Armenian letter": ("g\u0585ogle", "g⟦U+0585⟧ogle"),
    "within an address": ("https://www.\u0430pple.com/", "https://www.⟦U+0430⟧pple.com/"),
    "beside digits": ("\u0430b1", "⟦U+0430⟧b1"),
    "the Kelvin sign": ("\u212aelvin", "⟦U+212A⟧elvin"),
    "the Greek question mark": ("a\u037e b", "a⟦U+037E⟧ b"),
    "a joiner between Latin letters": ("pay\u200dpal", "pay⟦U+200D⟧pal"),
    "a non-joiner between Latin letters": ("pay\u200cpal", "pay⟦U+200C⟧pal"),
    "a second non-joiner": ("ب\u200c\u200cب", "ب⟦U+200C⟧⟦U+200C⟧ب"),
    "a joiner between letters that join anyway": ("ب\u200dب", "ب⟦U+200D⟧ب"),
    "a joiner after an emoji": ("😀\u200d!", "😀⟦U+200D⟧!"),
    "a second variation selector": ("😀\ufe0f\ufe0f", "😀\ufe0f⟦U+FE0F⟧"),
    "a variation selector after a letter": ("a\ufe0f", "a⟦U+FE0F⟧"),
    "tags that spell no flag": (
        "\U0001f3f4\U000e0072\U000e006d\U000e007f",
        "\U0001f3f4⟦U+E0072⟧⟦U+E006D⟧⟦U+E007F⟧",
    ),
    "a word break in a Latin word": ("pay\u200bpal", "pay⟦U+200B⟧pal"),
    "an override": ("a\u202eb", "a⟦U+202E⟧b"),
    "an isolate": ("a\u2066b\u2069", "a⟦U+2066⟧b⟦U+2069⟧"),
    "a space that a shell does not split at": ("rm\u00a0-rf\u00a0/tmp", "rm⟦U+00A0⟧-rf⟦U+00A0⟧/tmp"),
    "a space of another width": ("a\u2003b", "a⟦U+2003⟧b"),
    "two spaces that are none": ("12\u00a0\u00a0x", "12⟦U+00A0⟧⟦U+00A0⟧x"),
    "a wide space in Latin text": ("a\u3000b", "a⟦U+3000⟧b"),
    "stacked marks": ("z\u0337\u0321\u031b\u0347\u0323\u0340", "z\u0337\u0321\u031b\u0347⟦U+0323⟧⟦U+0340⟧"),
    "the same mark twice": ("กก\u0e47\u0e47", "กก\u0e47⟦U+0E47⟧"),
    "a filler": ("a\u3164b", "a⟦U+3164⟧b"),
}


@pytest.mark.parametrize(("text", "shown"), DECEIVING.values(), ids=DECEIVING)
def test_what_deceives_is_written_out_and_comes_back_as_it_was(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown
    assert unmarked(shown, text) == text


ANY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "ab12 .,\u00a0\u202f\u3000\u200b\u200c\u200d\ufe0f\u0301\u0430\u03bf\u03b1бبدन्漢😀🏴❤\u202e\U000e0067"
        ),
    ),
    max_size=40,
)


@UNHURRIED
@given(ANY)
def test_what_was_written_out_stays_so_and_comes_back(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    if "⟦" not in text:
        assert unmarked(shown, text) == text.replace("\r\n", "\n")


@UNHURRIED
@given(ANY)
def test_nothing_reorders_breaks_or_encodes_badly(text: str) -> None:
    shown = visible(text)
    assert not re.search("[\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    shown.encode()


@UNHURRIED
@given(st.text(st.characters(max_codepoint=126, min_codepoint=32)))
def test_printable_ascii_is_never_touched(text: str) -> None:
    assert visible(text) == text


def test_our_own_dots_and_dashes_are_left_as_they_are_beside_anything() -> None:
    """So a text of these and of ASCII needs no closer look: the `é` makes sure that these get one."""
    own = ["·", "–", "—", "…", "a", " ", "1", "\n"]
    for text in ("".join(three) for three in itertools.product(own, repeat=3)):
        assert visible(f"é {text} é") == f"é {text} é"
        assert visible(text) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["\u0301", "\u200d", "\u200c", "\u0430a", "\u00a0", "\ufe0f", "न्‍", "😀\u200d"])
def test_a_long_hostile_text_takes_no_longer_than_it_is(unit: str) -> None:
    assert visible(f"a{unit * 100_000}")
