"""The page draws each sign that the bot writes: it needs no font with emoji."""

import re
import unicodedata
from pathlib import Path

HERE = Path(__file__).parents[3]
PAGE = HERE / "adapters" / "localslack" / "page" / "emoji.js"


def test_each_sign_that_the_bot_writes_has_a_drawing() -> None:
    drawn = set(re.findall(r'^  "?(\W|\u2139)"?: \["', PAGE.read_text(), re.MULTILINE))
    texts = [
        file.read_text() for folder in ("adapters/slack", "bot", "engine") for file in (HERE / folder).rglob("*.py")
    ]
    signs = {each for text in texts for each in text if unicodedata.category(each) == "So"}
    assert "⏰" in signs
    read_only = set("👍👎")  # what people write in place of a decision; the bot writes neither
    assert signs - drawn - read_only <= set("©®°№℗✓"), "drawn as text by any font"
