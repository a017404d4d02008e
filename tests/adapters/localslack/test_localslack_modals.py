"""Modals on a real Bolt app: triggers, the client's checks, response actions, the state a form sends."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from fakes.people import Form, PeopledSlack, RefusedError
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.localslack.delivery.triggers import Triggers

Serve = Callable[[AsyncApp], AbstractAsyncContextManager[AsyncApp]]
Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def asking(block_id: str, element: Json, **more: Any) -> Json:
    element = {"action_id": "v", **element}
    return {"type": "input", "block_id": block_id, "label": plain(block_id.title()), "element": element, **more}


def options(*values: str) -> list[Json]:
    return [{"text": plain(value.title()), "value": value} for value in values]


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "callback_id": "edit", "title": plain("Edit"), "submit": plain("Send")} | {
        "blocks": list(blocks),
        **more,
    }


NAME = asking("name", {"type": "plain_text_input", "min_length": 2, "max_length": 5})
EVERYTHING = modal(
    NAME,
    asking("count", {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}),
    asking("ratio", {"type": "number_input", "is_decimal_allowed": True, "initial_value": "0.5"}),
    asking("region", {"type": "static_select", "options": options("eu", "us")}),
    asking("zones", {"type": "multi_static_select", "options": options("a", "b", "c")}),
    asking("flags", {"type": "checkboxes", "options": options("fast", "safe")}, optional=True),
    asking("size", {"type": "radio_buttons", "options": options("s", "m"), "initial_option": options("m")[0]}),
    asking("day", {"type": "datepicker"}),
    asking("hour", {"type": "timepicker"}, optional=True),
    asking("mail", {"type": "email_text_input"}, optional=True),
    asking("owner", {"type": "users_select", "initial_user": "U0BOB"}),
    {
        "type": "section",
        "block_id": "extra",
        "text": plain("extra"),
        "accessory": {"type": "button", "action_id": "more", "text": plain("More")},
    },
)
FILLED = {
    "name": "abc",
    "Count": 3,
    "region": "eu",
    "zones": ["A", "c"],
    "flags": ["safe"],
    "day": "2026-02-03",
    "hour": "09:30",
}


class Bot:
    """A Bolt app that opens a modal for every click, and answers a form as the test says."""

    def __init__(self, app: AsyncApp) -> None:
        self.view: Json = modal(NAME)
        self.answer: Json = {}
        self.forms: list[Json] = []
        self.closed: list[Json] = []
        self.clicks: list[Json] = []
        self.opened: Json = {}

        @app.event("message")
        async def message() -> None: ...

        @app.action("edit")
        async def edit(ack: Callable[[], Awaitable[None]], body: Json, client: AsyncWebClient) -> None:
            self.opened = (await client.views_open(trigger_id=body["trigger_id"], view=self.view))["view"]
            await ack()

        @app.action("more")
        async def more(ack: Callable[[], Awaitable[None]], body: Json, client: AsyncWebClient) -> None:
            self.clicks.append(body)
            await client.views_push(trigger_id=body["trigger_id"], view=modal(NAME, title=plain("More")))
            await ack()

        @app.view("edit")
        async def submitted(ack: Callable[..., Awaitable[None]], body: Json) -> None:
            self.forms.append(body)
            await ack(**self.answer)

        @app.view_closed("edit")
        async def closed(ack: Callable[[], Awaitable[None]], body: Json) -> None:
            self.closed.append(body)
            await ack()


@pytest.fixture
async def bot(app: AsyncApp, serve: Serve) -> AsyncIterator[Bot]:
    bot = Bot(app)
    async with serve(app):
        yield bot


async def opened(slack: PeopledSlack, client: AsyncWebClient) -> Form:
    button = {"type": "button", "action_id": "edit", "text": plain("Edit"), "value": "1"}
    await client.chat_postMessage(channel="#deploys", text="card", blocks=[{"type": "actions", "elements": [button]}])
    card = await slack.person("alice").expect_card("#deploys")
    return await card.open_form("Edit")


async def test_the_state_of_every_input(slack: PeopledSlack, client: AsyncWebClient, bot: Bot) -> None:
    bot.view = EVERYTHING
    form = await opened(slack, client)
    assert form.values["Owner"] == {"type": "users_select", "selected_user": "U0BOB"}
    sent = await form.submit(FILLED)
    assert (sent.acked, sent.errors) == (True, {})
    await form.gone()
    [body] = bot.forms
    values = {name: entry["v"] for name, entry in body["view"]["state"]["values"].items()}
    eu, a, c, safe, m = (
        {"text": {**plain(each.title()), "emoji": True}, "value": each} for each in ("eu", "a", "c", "safe", "m")
    )
    assert values == {
        "name": {"type": "plain_text_input", "value": "abc"},
        "count": {"type": "number_input", "value": "3"},
        "ratio": {"type": "number_input", "value": "0.5"},
        "region": {"type": "static_select", "selected_option": eu},
        "zones": {"type": "multi_static_select", "selected_options": [a, c]},
        "flags": {"type": "checkboxes", "selected_options": [safe]},
        "size": {"type": "radio_buttons", "selected_option": m},
        "day": {"type": "datepicker", "selected_date": "2026-02-03"},
        "hour": {"type": "timepicker", "selected_time": "09:30"},
        "mail": {"type": "email_text_input", "value": None},
        "owner": {"type": "users_select", "selected_user": "U0BOB"},
    }
    assert body["type"] == "view_submission"
    assert (body["view"]["id"], body["view"]["callback_id"]) == (bot.opened["id"], "edit")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "a"}, "name"),
        ({"name": "abcdef"}, "name"),
        ({"name": ""}, "name"),
        ({"count": "many"}, "count"),
        ({"count": "NaN"}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": 0}, "count"),
        ({"count": 10}, "count"),
        ({"region": "mars"}, "region"),
        ({"region": None}, "region"),
        ({"zones": []}, "zones"),
        ({"day": "someday"}, "day"),
        ({"hour": "25:00"}, "hour"),
        ({"mail": "nobody"}, "mail"),
    ],
)
async def test_the_client_refuses_a_wrong_value_without_asking_the_bot(
    slack: PeopledSlack, client: AsyncWebClient, bot: Bot, values: Json, field: str
) -> None:
    bot.view = EVERYTHING
    form = await opened(slack, client)
    given = {name: value for name, value in FILLED.items() if name.lower() != field}
    assert list((await form.submit({**given, **values})).errors) == [field]
    assert bot.forms == []


async def test_the_bots_errors_stand_at_their_fields(slack: PeopledSlack, client: AsyncWebClient, bot: Bot) -> None:
    form = await opened(slack, client)
    bot.answer = {"response_action": "errors", "errors": {"name": "taken"}}
    assert (await form.submit({"name": "abc"})).errors == {"name": "taken"}
    assert (await slack.person("alice").state())["view"]["id"] == form.view["id"]
    bot.answer = {"response_action": "errors", "errors": {"nowhere": "lost"}}
    lost = await form.submit({"name": "abc"})
    assert (lost.acked, lost.error) == (False, "errors name no input block: nowhere")
    bot.answer = {}
    assert (await form.submit({"name": "abc"})).acked
    await form.gone()


async def test_a_form_is_updated_pushed_and_cleared(slack: PeopledSlack, client: AsyncWebClient, bot: Bot) -> None:
    alice = slack.person("alice")
    form = await opened(slack, client)
    bot.answer = {"response_action": "update", "view": modal(NAME, title=plain("Second"), private_metadata="kept")}
    await form.submit({"name": "abc"})
    second = await alice.expect_form(title="Second")
    assert second.view["id"] == form.view["id"]
    bot.answer = {"response_action": "push", "view": modal(NAME, title=plain("Third"))}
    await second.submit({"name": "abc"})
    third = await alice.expect_form(title="Third")
    assert (third.view["previous_view_id"], third.view["root_view_id"]) == (form.view["id"], form.view["id"])
    assert bot.forms[1]["view"]["private_metadata"] == "kept"
    bot.answer = {"response_action": "clear"}
    await third.submit({"name": "abc"})
    assert (await alice.state())["view"] is None


async def test_a_view_that_slack_would_refuse_is_not_shown(
    slack: PeopledSlack, client: AsyncWebClient, bot: Bot
) -> None:
    form = await opened(slack, client)
    bot.answer = {"response_action": "update", "view": modal(NAME, title=plain("x" * 25))}
    sent = await form.submit({"name": "abc"})
    assert (sent.acked, sent.error) == (False, "must be less than 25 characters [json-pointer:/view/title/text]")


async def test_a_button_in_a_form_sends_what_was_entered(slack: PeopledSlack, client: AsyncWebClient, bot: Bot) -> None:
    bot.view = EVERYTHING
    form = await opened(slack, client)
    assert (await form.click("More", values={"name": "abc"})).acked
    [click] = bot.clicks
    assert click["view"]["state"]["values"]["name"]["v"]["value"] == "abc"
    assert click["actions"][0]["block_id"] == "extra"
    above = await slack.person("alice").expect_form(title="More")
    await above.close()
    below = await slack.person("alice").expect_form(title="Edit")
    assert below.values["Name"]["value"] == "abc", "what was entered is still there"


async def test_closing_is_told_only_where_it_is_wanted(slack: PeopledSlack, client: AsyncWebClient, bot: Bot) -> None:
    await (await opened(slack, client)).close()
    assert bot.closed == []
    bot.view = modal(NAME, notify_on_close=True)
    await (await opened(slack, client)).close()
    [closed] = bot.closed
    assert (closed["type"], closed["is_cleared"]) == ("view_closed", False)


async def test_an_update_with_an_old_hash_is_refused(slack: PeopledSlack, client: AsyncWebClient, bot: Bot) -> None:
    await opened(slack, client)
    view_id, old = bot.opened["id"], bot.opened["hash"]
    await client.views_update(view_id=view_id, hash=old, view=modal(NAME, title=plain("New")))
    with pytest.raises(SlackApiError) as caught:
        await client.views_update(view_id=view_id, hash=old, view=modal(NAME))
    assert caught.value.response["error"] == "hash_conflict"
    assert (await slack.person("alice").expect_form()).title == "New"


@pytest.mark.usefixtures("bot")
async def test_a_trigger_works_once_and_only_three_deep(slack: PeopledSlack, client: AsyncWebClient) -> None:
    async def error(call: Any) -> str:
        with pytest.raises(SlackApiError) as caught:
            await call
        return str(caught.value.response["error"])

    form = await opened(slack, client)
    issue = slack.workspace.triggers.issue
    trigger = issue("U0ALICE")
    await client.views_push(trigger_id=trigger, view=modal(NAME))
    assert await error(client.views_push(trigger_id=trigger, view=modal(NAME))) == "exchanged_trigger_id"
    await client.views_push(trigger_id=issue("U0ALICE"), view=modal(NAME))
    assert await error(client.views_push(trigger_id=issue("U0ALICE"), view=modal(NAME))) == "push_limit_reached"
    assert await error(client.views_open(trigger_id="1.2.old", view=modal(NAME))) == "expired_trigger_id"
    assert await error(client.views_open(trigger_id="nonsense", view=modal(NAME))) == "invalid_trigger_id"
    assert await error(client.views_update(view_id="V0GONE", view=modal(NAME))) == "not_found"
    huge = modal(*[{"type": "section", "text": plain("x" * 2900)}] * 90)
    assert await error(client.views_open(trigger_id=issue("U0ALICE"), view=huge)) == "view_too_large"
    with pytest.raises(RefusedError, match="does not see the view"):
        await form.submit({"name": "abc"})


def test_a_trigger_lives_three_seconds() -> None:
    now = [1000.0]
    triggers = Triggers(clock=lambda: now[0])
    first, second = triggers.issue("U0ALICE"), triggers.issue("U0BOB")
    now[0] += 2.9
    assert triggers.redeem(first) == "U0ALICE"
    now[0] += 0.2
    with pytest.raises(Exception, match="expired_trigger_id"):
        triggers.redeem(second)


async def test_a_slow_bot_has_not_acked(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path, ack_timeout=0.05) as slack:
        environment = slack.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        await client.views_open(trigger_id=slack.workspace.triggers.issue("U0ALICE"), view=modal(NAME))
        form = await slack.person("alice").expect_form()
        assert not (await form.submit({"name": "abc"})).acked
        assert (await slack.person("alice").expect_form()).view["id"] == form.view["id"], "the form stays open"
