"""What an agent says becomes rich text: readable, whole, and without any power."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.slack_samples import text_in

from adapters.blockkit import check_message
from adapters.slack.drawing.untrusted_text import visible
from adapters.slack.outbound.agent_messages import spoken


def parts(text: str) -> list[dict[str, Any]]:
    return [part for each in spoken(text) for block in each.blocks for part in block["elements"]]


def test_markdown_becomes_rich_text() -> None:
    made = parts(
        "# Plan\n\nShip **billing** `2.4.1`\n\n"
        "- one\n- two\n  - deep\n\n1. first\n2. second\n\n> quoted\n\n```\ncode\n```"
    )
    assert [each["type"] for each in made] == [
        "rich_text_section",
        "rich_text_section",
        "rich_text_list",
        "rich_text_list",
        "rich_text_list",
        "rich_text_quote",
        "rich_text_preformatted",
    ]
    assert made[1]["elements"] == [
        {"type": "text", "text": "Ship "},
        {"type": "text", "text": "billing", "style": {"bold": True}},
        {"type": "text", "text": " "},
        {"type": "text", "text": "2.4.1", "style": {"code": True}},
    ]
    assert len(made[2]["elements"]) == 2
    assert made[3]["indent"] == 1
    assert (made[4]["style"], len(made[4]["elements"])) == ("ordered", 2)


def test_a_link_always_shows_its_address() -> None:
    assert text_in(parts("[your bank](https://evil.example)")) == "your bank (https://evil.example)"
    assert text_in(parts("[x](javascript:alert)")) in ("x (javascript:alert)", "[x](javascript:alert)")
    assert text_in(parts("![logo](https://evil.example/x.png)")) == "logo (https://evil.example/x.png)"
    assert text_in(parts("https://example.com")) == "https://example.com"


@pytest.mark.parametrize("text", ["<!channel> look", "<@U123>", "<https://evil.example|bank>", "a &lt;!here&gt; b"])
def test_what_an_agent_says_mentions_nobody(text: str) -> None:
    (said,) = spoken(text)
    assert "<" not in said.text
    assert {each["type"] for part in parts(text) for each in part["elements"]} <= {"text", "link"}


def test_tables_keep_their_columns() -> None:
    table = "|a|b|\n|-|-|\n|1|2|"
    assert parts(table) == [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": table}]}]


def test_a_long_text_is_said_in_several_messages_and_none_is_lost() -> None:
    words = [f"word{number}" for number in range(8_000)]
    said = spoken(" ".join(words))
    assert len(said) > 3
    assert "".join(text_in(each.blocks) for each in said).replace(" ", "") == "".join(words)


def test_the_speaker_stands_over_the_first_message() -> None:
    assert text_in(spoken("hello", "hotel adviser")[0].blocks[0]) == "hotel adviser"


@pytest.mark.parametrize(("text", "said"), [("", "(no words)"), (">", "&gt;"), ("[a]: https://x", "[a]: https://x")])
def test_what_markdown_would_swallow_is_said(text: str, said: str) -> None:
    assert spoken(text)[0].text == said


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from("ab *_`#>-[]()!|<&\n\t1.~\u202e\u200b")), st.text(max_size=5))
@example("x" * 50_000, "")
@example("```\n" + "code\n" * 5_000, "")
@example("- item\n" * 3_000, "s")
@example("> " * 200 + "deep", "")
@example("[a](https://x/" + "y" * 4_000 + ")", "")
@example("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 2_000, "")
def test_whatever_is_said_slack_takes_it(text: str, speaker: str) -> None:
    for each in spoken(text, speaker):
        assert check_message({"text": each.text, "blocks": each.blocks}) == []
        assert each.text
        written = json.dumps(each.blocks, ensure_ascii=False) + each.text
        assert visible(written.replace("\\n", "")) == written.replace("\\n", "")
