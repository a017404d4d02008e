"""What a graph may ask with: whatever it is, the card is posted, tells the truth, and can be decided."""

import dataclasses
import json
from typing import Any

import pytest
from stories.world import World

from engine.asks.ask import MOST_BYTES


@dataclasses.dataclass
class Trip:
    city: str
    nights: int


def _nested(depth: int) -> Any:
    value: Any = "the bottom"
    for level in range(depth):
        value = {f"level {level}": value}
    return value


async def _approve(world: World, *, answer: str = "True") -> None:
    card = await world.bob.expect_card("#deploys")
    if "Show all" in card.buttons:  # what the card does not show whole is asked for once more
        await (await card.open_form("Approve")).submit()
    else:
        assert (await card.click("Approve")).acked
    await world.alice.expect_message("#deploys", containing="I was told")
    await world.done(f"answered {answer}")
    await card.becomes("Approved by <@U0BOB>", buttons=[])


STRANGE = {
    "a dataclass": (Trip("Lisbon", 3), ["Lisbon", "3"]),
    "a dictionary of a dataclass": ({"trip": Trip("Lisbon", 3)}, ["Lisbon"]),
    "bytes": ({"key": b"\x00\x01secret"}, ["key"]),
    "a set": ({"cities": {"Porto", "Lisbon"}}, ["Lisbon", "Porto"]),
    "not a number": ({"rate": float("nan")}, ["nan"]),
    "keys that are no strings": ({1: "one", None: "none"}, ["one", "none"]),
    "a number": (42, ["42"]),
    "a list": (["Lisbon", {"nights": 3}], ["Lisbon", "nights"]),
    "nested 50 deep": (_nested(50), ["level 49"]),
}


@pytest.mark.promise("P4")
@pytest.mark.parametrize("name", list(STRANGE))
async def test_any_value_is_shown_and_can_be_approved(world: World, name: str) -> None:
    world.outside.payload, shown = STRANGE[name]
    await world.start("anything")
    await world.alice.say("#deploys", "@signoff go")
    card = await world.bob.expect_card("#deploys")
    for words in shown:
        assert words in card.text
    assert "Approve" in card.buttons
    world.slack.people.expected.discard((card.channel, card.ts))
    await _approve(world)
    await world.nothing_else()


async def test_a_value_that_cannot_be_kept_is_told_as_the_agents_failure(world: World) -> None:
    world.outside.payload = {"thing": object()}
    await world.start("anything")
    await world.alice.say("#deploys", "@signoff go")
    await world.alice.expect_message("#deploys", containing="The agent failed: TypeError")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_request_that_is_too_large_is_told_and_a_new_message_goes_on(world: World) -> None:
    world.outside.payload = {"rows": "x" * MOST_BYTES}
    await world.start("anything")
    said = await world.alice.say("#deploys", "@signoff go")
    told = await world.alice.expect_message("#deploys", containing="5,000,011 bytes, and a request can have at most")
    assert "at most 5,000,000" in told.text
    await world.at_rest()
    assert list(await world.bot.ports.approvals.open(world.thread(told))) == []
    world.outside.payload = {"rows": "few"}
    await world.alice.say("#deploys", "@signoff go on", thread=said.ts)
    await _approve(world)
    await world.nothing_else()


@pytest.mark.parametrize("payload", [{}, None, [], 0, False], ids=repr)
async def test_an_empty_payload_is_asked_about_all_the_same(world: World, payload: Any) -> None:
    world.outside.payload = payload
    await world.start("anything")
    await world.alice.say("#deploys", "@signoff go")
    await _approve(world)
    await world.nothing_else()


async def test_an_empty_question_is_answered_in_words(world: World) -> None:
    world.outside.payload = ""
    await world.start("anything")
    said = await world.alice.say("#deploys", "@signoff go")
    card = await world.alice.expect_card("#deploys")
    await world.at_rest()
    await world.alice.say("#deploys", "my answer", thread=said.ts)
    await world.alice.expect_message("#deploys", containing="I was told str")
    await world.done("answered 'my answer'")
    await card.becomes("Answered by", buttons=[])
    await world.nothing_else()


HOSTILE = {
    "a broadcast": ("<!channel> <!here> @everyone", "<!channel> <!here> @everyone"),
    "a mention": ("<@U0CAROL> and <#C0GENERAL>", "<@U0CAROL> and <#C0GENERAL>"),
    "a disguised link": ("<https://evil.example|https://bank.example>", "<https://evil.example|https://bank.example>"),
    "styles": ("*bold* _italic_ ~gone~ `code` :tada:", "*bold* _italic_ ~gone~ `code` :tada:"),
    "bidirectional": ("rm \u202egpj.exe", "rm ⟦U+202E⟧gpj.exe"),
    "zero width": ("pay\u200bpal.com", "pay⟦U+200B⟧pal.com"),
    "tags": ("ok\U000e0041\U000e0042", "ok⟦U+E0041⟧⟦U+E0042⟧"),
    "control characters": ("a\x00b\x1b[31mred", "a⟦U+0000⟧b⟦U+001B⟧[31mred"),
    "a lone surrogate": ("half \ud83d", "half"),
}
READ_AS_MARKDOWN = {
    "a disguised link": ("https://evil.example|https://bank.example", "https://evil.example%7Chttps://bank.example"),
    "styles": ("bold", "italic", " ~gone~ ", "code", " :tada:"),
}
"""What is shown of it where agents write Markdown, as they do in questions."""


@pytest.mark.promise("P4")
@pytest.mark.parametrize("name", list(HOSTILE))
@pytest.mark.parametrize("where", ["value", "question", "tool"])
async def test_hostile_text_is_shown_as_letters(world: World, name: str, where: str) -> None:
    text, shown = HOSTILE[name]
    world.outside.payload = {
        "value": {"note": text},
        "question": {"question": text},
        "tool": {"question": "Is this correct?", "tool_call": {"name": "run", "args": {"command": text}}},
    }[where]
    await world.start("anything")
    await world.alice.say("#deploys", "@signoff go")
    card = await world.bob.expect_card("#deploys")
    for words in READ_AS_MARKDOWN.get(name, (shown,)) if where == "question" else (shown,):
        assert words in _letters(card.shown["blocks"])
    _holds_no_markup(card.shown["blocks"], text)
    assert "<!channel>" not in card.notification
    assert "<@U0CAROL>" not in card.notification
    assert "<https://evil" not in card.notification
    world.slack.people.expected.discard((card.channel, card.ts))
    await _approve(world, answer="('continue', None)" if where == "tool" else "True")
    await world.nothing_else()


def _letters(blocks: Any) -> str:
    """All that can be read in blocks; of a link its address, which is what Slack shows where it has no text."""
    if isinstance(blocks, dict):
        shown = [blocks["url"]] if blocks.get("type") == "link" else [_letters(each) for each in blocks.values()]
        return "\n".join(shown)
    return "\n".join(map(_letters, blocks)) if isinstance(blocks, list) else str(blocks)


def _holds_no_markup(blocks: Any, text: str) -> None:
    """The agent's words stand in no element that Slack reads markup in, and hide no link."""
    if isinstance(blocks, dict):
        assert blocks.get("type") != "link" or "text" not in blocks, blocks
        if blocks.get("type") == "mrkdwn":
            assert text not in blocks["text"]
        for each in blocks.values():
            _holds_no_markup(each, text)
    elif isinstance(blocks, list):
        for each in blocks:
            _holds_no_markup(each, text)


async def test_what_an_agent_says_mentions_nobody(world: World) -> None:
    await world.start("echo")
    await world.alice.say("#deploys", "@signoff tell <!channel> and *all*")
    answer = await world.alice.expect_message("#deploys", containing="tell")
    assert "<!channel>" not in answer.notification
    _holds_no_markup(answer.shown["blocks"], "tell")
    await world.nothing_else()


# Long -----------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
@pytest.mark.parametrize("size", [5_000, 20_000, 60_000], ids=str)
async def test_what_does_not_fit_a_card_is_shown_whole_by_a_button(world: World, size: int) -> None:
    lines = "\n".join(f"line {number}" for number in range(size // 10))
    world.outside.payload = {"report": lines}
    await world.start("anything")
    await world.alice.say("#deploys", "@signoff go")
    card = await world.bob.expect_card("#deploys")
    if "Show all" in card.buttons:
        assert "characters" in card.text  # it says how much of it is not on the card
        form = await card.open_form("Show all")
        shown = form.text
        await form.close()
    else:
        shown = card.text
    assert all(f"line {number}\n" in shown + "\n" for number in (0, 1, size // 20, size // 10 - 1))
    world.slack.people.expected.discard((card.channel, card.ts))
    await _approve(world)
    await world.nothing_else()


@pytest.mark.promise("P4")
@pytest.mark.parametrize(("lines", "in_file"), [(2_100, False), (4_000, True)], ids=["200 kB", "400 kB"])
async def test_hundreds_of_kilobytes_are_shown_whole(world: World, lines: int, in_file: bool) -> None:  # noqa: FBT001
    report = [f"line {number} {'x' * 85}" for number in range(lines)]
    world.outside.payload = {"report": "\n".join(report), "city": "Lisbon"}
    await world.start("anything")
    await world.alice.say("#deploys", "@signoff go")
    card = await world.bob.expect_card("#deploys", containing="characters")
    assert ("see the file" in card.text) is in_file
    if in_file:
        whole = await _file(world)
        assert whole["actions"][0]["value"] == world.outside.payload
    form = await card.open_form("Show all")
    assert (report[-1] in form.text) is not in_file
    await form.close()
    world.slack.people.expected.discard((card.channel, card.ts))
    await _approve(world)
    await world.nothing_else()


async def _file(world: World) -> Any:
    """The file in the thread, as bob reads it."""
    message = await world.bob.expect_message("#deploys")
    (file,) = message.files
    async with world.slack.people._open().get(file["url_private"], params={"as": "bob"}) as answer:
        return json.loads(await answer.text())


async def test_a_long_answer_of_an_agent_is_said_whole(world: World) -> None:
    await world.start("echo")
    text = "\n\n".join(f"paragraph {number} {'word ' * 60}" for number in range(60))
    await world.alice.say("#deploys", f"@signoff {text}")
    said = ""
    while "paragraph 59" not in said:
        said += (await world.alice.expect_message("#deploys", containing="paragraph")).text
    assert all(f"paragraph {number} " in said for number in range(60))
    await world.nothing_else()
