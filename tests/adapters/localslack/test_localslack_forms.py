"""Entries of inputs from plain values; malformed input never breaks the workspace."""

import random
from typing import Any

import aiohttp
import pytest
from fakes.people import PeopledSlack

from adapters.localslack.state import forms
from adapters.localslack.web_api.call import METHODS

Json = dict[str, Any]

OPTIONS = [{"text": {"type": "plain_text", "text": name}, "value": name.lower()} for name in ("Yes", "No")]
RICH = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "hi"}]}],
}


@pytest.mark.parametrize(
    ("element", "value", "entry"),
    [
        ({"type": "plain_text_input"}, 5, {"value": "5"}),
        ({"type": "plain_text_input"}, "", {"value": None}),
        ({"type": "number_input", "is_decimal_allowed": False}, "2.0", {"value": "2.0"}),
        ({"type": "url_text_input"}, "https://x.example", {"value": "https://x.example"}),
        ({"type": "rich_text_input"}, "hi", {"rich_text_value": RICH}),
        ({"type": "datetimepicker"}, 1_700_000_000, {"selected_date_time": 1_700_000_000}),
        ({"type": "users_select"}, "U1", {"selected_user": "U1"}),
        ({"type": "multi_users_select"}, ["U1"], {"selected_users": ["U1"]}),
        ({"type": "channels_select"}, None, {"selected_channel": None}),
        ({"type": "file_input"}, [], {"files": []}),
        ({"type": "radio_buttons", "options": OPTIONS}, OPTIONS[1], {"selected_option": OPTIONS[1]}),
        ({"type": "checkboxes", "options": OPTIONS[:1]}, True, {"selected_options": OPTIONS[:1]}),
        ({"type": "checkboxes", "options": OPTIONS}, False, {"selected_options": []}),
        (
            {"type": "static_select", "option_groups": [{"label": {}, "options": OPTIONS}]},
            "No",
            {"selected_option": OPTIONS[1]},
        ),
    ],
)
def test_an_entry_from_a_plain_value(element: Json, value: Any, entry: Json) -> None:
    assert forms.entry(element, value) == {"type": element["type"], **entry}


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"type": "url_text_input"}, "nowhere"),
        ({"type": "datetimepicker"}, "soon"),
        ({"type": "multi_static_select", "options": OPTIONS, "max_selected_items": 1}, ["yes", "no"]),
        ({"type": "number_input", "is_decimal_allowed": True}, "Infinity"),
    ],
)
def test_a_value_that_slacks_client_refuses(element: Json, value: Any) -> None:
    with pytest.raises(forms.ValueRefusedError):
        forms.entry(element, value)


def nonsense(dice: random.Random, depth: int = 0) -> Any:
    words = ["C0DEPLOYS", "#deploys", "U0ALICE", "modal", "home", "section", "alice", "dm", "1.000000", "", "x" * 300]
    plain = [None, True, -1, 1.5, dice.choice(words), dice.choice(words)]
    if depth == 3 or dice.random() < 0.5:
        return dice.choice(plain)
    if dice.random() < 0.4:
        return [nonsense(dice, depth + 1) for _ in range(dice.randrange(3))]
    names = ["channel", "ts", "text", "blocks", "view", "type", "user", "users", "files", "metadata", "elements", "id"]
    return {dice.choice(names): nonsense(dice, depth + 1) for _ in range(dice.randrange(4))}


async def test_no_nonsense_makes_the_workspace_stumble(slack: PeopledSlack) -> None:
    dice = random.Random(7)  # noqa: S311 - the same malformed input in every run
    names = ["channel", "ts", "text", "blocks", "view", "user", "user_id", "users", "files", "limit", "cursor", "as"]
    names += ["thread_ts", "metadata", "trigger_id", "view_id", "external_id", "hash", "message_ts", "name", "tab"]
    names += ["timestamp", "action_id", "values", "command", "method", "times", "filename", "length", "usergroup"]
    trigger = slack.workspace.triggers.issue
    token = {"Authorization": f"Bearer {slack.environment()['SLACK_BOT_TOKEN']}"}
    paths = [f"/api/{name}" for name in METHODS] + [f"/people/{act}" for act in ("send", "click", "submit", "close")]
    paths += ["/people/command", "/people/home"]
    slack.request_url = "http://127.0.0.1:9/"
    async with aiohttp.ClientSession(headers=token) as session:
        for path in paths * 12:
            body = {name: nonsense(dice) for name in dice.sample(names, 6)} | {"as": "alice", "channel": "#deploys"}
            if dice.random() < 0.3:
                body["trigger_id"] = trigger("U0ALICE")
            async with session.post(slack.url + path, json=body) as answer:
                assert answer.status < 500, (path, body)
                assert isinstance(await answer.json(), dict)
