"""A small Bolt app: it posts an approval card, and does with a press what an approval bot does."""

from types import TracebackType
from typing import Any, Self

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

Json = dict[str, Any]


def text(kind: str, words: str) -> Json:
    return {"type": kind, "text": words}


def section(words: str, **more: Any) -> Json:
    return {"type": "section", "text": text("mrkdwn", words), **more}


def button(words: str, action_id: str, **more: Any) -> Json:
    return {"type": "button", "text": text("plain_text", words), "action_id": action_id, "value": action_id, **more}


CONFIRM = {
    "title": text("plain_text", "Reject it?"),
    "text": text("mrkdwn", "The agent hears *no*."),
    "confirm": text("plain_text", "Yes, reject"),
    "deny": text("plain_text", "Go back"),
}
CARD: list[Json] = [
    {"type": "header", "text": text("plain_text", "Run deploy?")},
    {
        "type": "section",
        "fields": [text("mrkdwn", "*Service*\nbilling"), text("mrkdwn", "*Version*\n`2.4.1`")],
    },
    {
        "type": "actions",
        "block_id": "choices",
        "elements": [
            button("Approve", "approve", style="primary"),
            button("Edit", "edit"),
            button("Reject", "reject", style="danger", confirm=CONFIRM),
        ],
    },
]


def field(label: str, block_id: str, element: Json, **more: Any) -> Json:
    element = {"action_id": "value", **element}
    return {"type": "input", "block_id": block_id, "label": text("plain_text", label), "element": element, **more}


def options(*names: str) -> list[Json]:
    return [{"text": text("plain_text", name), "value": name} for name in names]


FORM: Json = {
    "type": "modal",
    "callback_id": "edited",
    "title": text("plain_text", "Edit deploy"),
    "submit": text("plain_text", "Approve edited"),
    "close": text("plain_text", "Back"),
    "blocks": [
        field("Service", "service", {"type": "plain_text_input", "initial_value": "billing"}),
        field(
            "Replicas",
            "replicas",
            {"type": "number_input", "is_decimal_allowed": False, "initial_value": "3"},
            hint=text("plain_text", "A whole number, 1 to 20."),
        ),
        field(
            "Environment",
            "environment",
            {
                "type": "static_select",
                "options": options("staging", "production"),
                "initial_option": options("production")[0],
            },
        ),
        field("Checks", "checks", {"type": "checkboxes", "options": options("tests", "smoke")}, optional=True),
        field("When", "when", {"type": "radio_buttons", "options": options("now", "tonight")}, optional=True),
        field("Note", "note", {"type": "plain_text_input", "multiline": True}, optional=True),
    ],
}


def a_form(*blocks: Json) -> Json:
    return {**FORM, "blocks": list(blocks)}


class TestBot:
    """Answers a mention with a card in its thread; records what forms were sent."""

    __test__ = False

    def __init__(self, environment: dict[str, str]) -> None:
        self.client = AsyncWebClient(environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        self.app = AsyncApp(client=self.client, process_before_response=True)
        self.form = FORM
        self.submitted: list[Json] = []
        self.chosen: list[Json] = []
        self.commands: list[str] = []
        self._card: tuple[str, str] = ("", "")
        self._listen()
        self._handler = AsyncSocketModeHandler(self.app, environment["SLACK_APP_TOKEN"])

    async def __aenter__(self) -> Self:
        await self._handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._handler.close_async()  # type: ignore[no-untyped-call]  # likewise

    async def post(self, channel: str, words: str = "", **more: Any) -> str:
        """Post a message; return its ts."""
        posted = await self.client.chat_postMessage(channel=await self._id(channel), text=words, **more)
        return str(posted["ts"])

    async def _id(self, channel: str) -> str:
        found = await self.client.conversations_list()
        return next((each["id"] for each in found["channels"] if each["name"] == channel), channel)

    def _listen(self) -> None:
        self.app.event("app_mention")(self._mentioned)
        self.app.event("message")(_heard)
        self.app.event("app_home_opened")(self._home)
        self.app.action("approve")(self._approved)
        self.app.action("reject")(self._rejected)
        self.app.action("edit")(self._edit)
        self.app.action("region")(self._choice)
        self.app.action("more")(self._choice)
        self.app.action("add")(self._add)
        self.app.action("push")(self._push)
        self.app.view("edited")(self._edited)
        self.app.command("/signoff")(self._command)

    async def _mentioned(self, event: Json) -> None:
        await self.client.chat_postMessage(
            channel=event["channel"], thread_ts=event["ts"], text="Run deploy?", blocks=CARD
        )

    async def _approved(self, ack: AsyncAck, body: Json) -> None:
        await ack()
        await self._decide(body, f":white_check_mark: *Approved* by <@{body['user']['id']}>")

    async def _rejected(self, ack: AsyncAck, body: Json) -> None:
        await ack()
        await self._decide(body, f":x: *Rejected* by <@{body['user']['id']}>")

    async def _decide(self, body: Json, words: str) -> None:
        blocks = [*CARD[:2], section(words)]
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        await self.client.chat_update(channel=channel, ts=ts, text=words, blocks=blocks)

    async def _edit(self, ack: AsyncAck, body: Json) -> None:
        await ack()
        self._card = (body["channel"]["id"], body["message"]["ts"])
        await self.client.views_open(trigger_id=body["trigger_id"], view=self.form)

    async def _edited(self, ack: AsyncAck, body: Json, view: Json) -> None:
        values = view["state"]["values"]
        if "replicas" in values and int(values["replicas"]["value"]["value"]) > 20:
            await ack(response_action="errors", errors={"replicas": "There are only 20 machines."})
            return
        await ack()
        self.submitted.append(values)
        channel, ts = self._card
        words = f":white_check_mark: *Approved with changes* by <@{body['user']['id']}>"
        await self.client.chat_update(channel=channel, ts=ts, text=words, blocks=[*CARD[:2], section(words)])

    async def _add(self, ack: AsyncAck, body: Json) -> None:
        await ack()
        view = body["view"]
        more = [*view["blocks"], field("Added", "added", {"type": "plain_text_input"}, optional=True)]
        await self.client.views_update(view_id=view["id"], hash=view["hash"], view=a_form(*more))

    async def _push(self, ack: AsyncAck, body: Json) -> None:
        await ack()
        pushed = {**a_form(section("The whole payload")), "title": text("plain_text", "Above")}
        await self.client.views_push(trigger_id=body["trigger_id"], view=pushed)

    async def _choice(self, ack: AsyncAck, action: Json) -> None:
        await ack()
        self.chosen.append(action)

    async def _command(self, ack: AsyncAck, command: Json) -> None:
        self.commands.append(command["text"])
        await ack("Nothing waits for you.")

    async def _home(self, event: Json) -> None:
        if event["tab"] == "home":
            blocks = [{"type": "header", "text": text("plain_text", "Waiting for you")}]
            await self.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})


async def _heard() -> None:
    """A message without a mention needs no answer; Bolt wants it handled."""
