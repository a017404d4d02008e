"""People in the local workspace, for stories: they post messages, see cards, press buttons and fill in forms.

```python
async with PeopledSlack(data=tmp_path) as slack:
    alice, bob = slack.person("alice"), slack.person("bob")
    await alice.say("#deploys", "@signoff ship billing 2.4.1")
    card = await bob.expect_card("#deploys", containing="billing")
    await card.click("Approve")
    await card.becomes("Approved by")
    await bob.expect_nothing_else()
```

Everything goes through the workspace's `/people` interface, so the same people live in a workspace of another process:
`async with People(url) as people: alice = people.person("alice")`. Every wait ends after `patience` seconds with
what was seen instead.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
from fakes.patience import PATIENCE

from adapters.blockkit import texts_of
from adapters.localslack import LocalSlack
from adapters.localslack.faults import Faults

Json = dict[str, Any]
T = TypeVar("T")

UNHEARD = 0.5
"""Seconds that the workspace waits for an ack while no bot is there: there will be none."""

_LOOK_AGAIN = 0.015


async def wait_until(
    look: Callable[[], Awaitable[T | None]], *, patience: float = PATIENCE, instead: Callable[[], str] = str
) -> T:
    """Poll `look` until it returns something; fail with `instead` after `patience` seconds."""
    end = time.monotonic() + patience
    while (found := await look()) is None:
        if time.monotonic() > end:
            raise AssertionError(instead())
        await asyncio.sleep(_LOOK_AGAIN)
    return found


async def held_calls(faults: Faults, number: int) -> None:
    """Wait until the workspace holds `number` calls, sent and not yet performed."""

    async def look() -> bool | None:
        return True if faults.held == number else None

    await wait_until(look, instead=lambda: f"{faults.held} calls are held, not {number}")


class RefusedError(AssertionError):
    """The workspace refused a person's action; the message is its sentence."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an action: acked by the bot or not, the milliseconds it took, and the field errors."""

    acked: bool
    ms: float
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""
    ts: str = ""


class People:
    """The people of one workspace, and the messages they have expected so far."""

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self.url = url
        self.patience = patience
        self.expected: set[tuple[str, str]] = set()
        self._spoken_of: dict[str, Person] = {}
        self._session: aiohttp.ClientSession | None = None

    def person(self, name: str) -> "Person":
        """Speak of somebody."""
        return self._spoken_of.setdefault(name, Person(self, name))

    async def expect_nothing_else(self) -> None:
        """Fail on unexpected messages of the bot to any person used so far."""
        for person in self._spoken_of.values():
            await person.expect_nothing_else()

    async def fault(self, **fault: Any) -> None:
        """Inject a failure: `fault(method="chat.update", status=500, times=2)`."""
        await self.post("/faults", fault)

    async def get(self, path: str, **query: str) -> Json:
        """Read from the workspace."""
        async with self._open().get(self.url + path, params=query) as answer:
            return _checked(answer.status, await answer.text())

    async def post(self, path: str, body: Json) -> Json:
        """Act in the workspace."""
        async with self._open().post(self.url + path, json=body) as answer:
            return _checked(answer.status, await answer.text())

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class PeopledSlack(LocalSlack):
    """A local workspace with its people. `await_acks` makes it patient with a bot on a busy machine."""

    _people: People | None = None

    def __init__(self, *, ack_timeout: float = UNHEARD, trigger_seconds: float = PATIENCE, **more: Any) -> None:
        super().__init__(ack_timeout=ack_timeout, trigger_seconds=trigger_seconds, **more)

    def await_acks(self, seconds: float = PATIENCE) -> None:
        """Wait `seconds` for acks from now on, where Slack waits 3: a bot is there."""
        self.workspace.dispatcher.ack_timeout = seconds

    def nobody_hears(self) -> None:
        """Stop waiting for acks: there is no bot."""
        self.workspace.dispatcher.ack_timeout = UNHEARD

    @property
    def people(self) -> People:
        """The people of this workspace."""
        if self._people is None:
            self._people = People(self.url)
        return self._people

    def person(self, name: str) -> "Person":
        """Speak of somebody."""
        return self.people.person(name)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._people is not None:
            await self._people.close()
        await super().__aexit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class Person:
    """A person in the workspace."""

    people: People
    name: str

    async def state(self) -> Json:
        """Return everything this person sees."""
        return await self.people.get("/people/state", **{"as": self.name})

    async def messages(self, channel: str) -> list["Message"]:
        """List the messages this person sees in a channel or in `dm`, oldest first."""
        shown = _channel(await self.state(), channel)
        return [Message(self, shown["id"], each) for each in shown["messages"]]

    async def say(self, channel: str, text: str, *, thread: "str | Message | None" = None) -> Outcome:
        """Post a message, in a thread if one is given."""
        thread_ts = thread.thread_ts if isinstance(thread, Message) else thread
        return await self._act("send", channel=channel, text=text, thread_ts=thread_ts)

    async def command(self, channel: str, command: str, text: str = "") -> Outcome:
        """Use a slash command."""
        return await self._act("command", channel=channel, command=command, text=text)

    async def open_home(self) -> Outcome:
        """Open the bot's home tab."""
        return await self._act("home")

    async def invites_bot(self, channel: str) -> Outcome:
        """Invite the bot into a channel."""
        return await self._act("invite", channel=channel)

    async def removes_bot(self, channel: str) -> Outcome:
        """Remove the bot from a channel."""
        return await self._act("remove", channel=channel)

    async def archives(self, channel: str) -> Outcome:
        """Archive a channel."""
        return await self._act("archive", channel=channel)

    async def unarchives(self, channel: str) -> Outcome:
        """Open an archived channel again."""
        return await self._act("unarchive", channel=channel)

    async def renames(self, channel: str, name: str) -> Outcome:
        """Give a channel another name."""
        return await self._act("rename", channel=channel, name=name)

    async def destroys(self, channel: str) -> Outcome:
        """Delete a channel for good."""
        return await self._act("destroy", channel=channel)

    async def creates(self, channel: str) -> str:
        """Create a channel without the bot; return its id."""
        return str((await self.people.post("/people/create", {"as": self.name, "channel": channel}))["id"])

    async def expect_message(self, channel: str, *, containing: str = "", ephemeral: bool | None = None) -> "Message":
        """Wait for a message of the bot that nobody has expected yet, and mark it as expected."""
        return await self._expect(channel, containing, lambda message: ephemeral in (None, message.ephemeral))

    async def expect_card(self, channel: str, *, containing: str = "") -> "Message":
        """Wait for a message of the bot with buttons that nobody has expected yet, and mark it as expected."""
        return await self._expect(channel, containing, lambda message: bool(message.buttons))

    async def expect_form(self, *, title: str = "") -> "Form":
        """Wait for an open modal."""

        async def look() -> Form | None:
            view = (await self.state())["view"]
            return Form(self, view) if view and title in view["title"]["text"] else None

        return await wait_until(
            look, patience=self.people.patience, instead=lambda: f"{self.name} sees no form {title!r}"
        )

    async def expect_nothing_else(self) -> None:
        """Fail on messages of the bot, in any of this person's channels, that nobody expected."""
        state = await self.state()
        surprises = [
            f"{channel['name']}: {message.text!r}"
            for channel in state["channels"]
            for message in (Message(self, channel["id"], each) for each in channel["messages"])
            if message.from_bot and (message.channel, message.ts) not in self.people.expected
        ]
        assert not surprises, f"{self.name} sees messages that nobody expected: {'; '.join(surprises)}"

    async def click_home(self, label: str, *, value: Any = None) -> Outcome:
        """Press a button of the home tab."""
        home = (await self.state())["home"]
        assert home, f"{self.name} has no home tab"
        return await self._act("click", view="home", **_press(home["blocks"], label, value))

    async def _expect(self, channel: str, containing: str, fits: "Callable[[Message], bool]") -> "Message":
        seen: list[str] = []

        async def look() -> Message | None:
            seen.clear()
            for message in await self.messages(channel):
                if message.from_bot and (message.channel, message.ts) not in self.people.expected:
                    seen.append(message.text)
                    if containing.lower() in message.text.lower() and fits(message):
                        self.people.expected.add((message.channel, message.ts))
                        return message
            return None

        def instead() -> str:
            return f"{self.name} waited in {channel} for {containing!r} and saw of the bot: {seen}"

        return await wait_until(look, patience=self.people.patience, instead=instead)

    async def _act(self, path: str, **body: Any) -> Outcome:
        given = {name: value for name, value in body.items() if value is not None}
        return Outcome(**await self.people.post(f"/people/{path}", {"as": self.name, **given}))


@dataclass(frozen=True, slots=True)
class Message:
    """A message as one person saw it at one moment; with buttons it is a card."""

    person: Person
    channel: str
    shown: Json

    @property
    def ts(self) -> str:
        """Its id in the channel."""
        return str(self.shown["ts"])

    @property
    def thread_ts(self) -> str:
        """The id of its thread, or of the thread it would begin."""
        return str(self.shown.get("thread_ts") or self.ts)

    @property
    def from_bot(self) -> bool:
        """True if the bot wrote it."""
        return bool(self.shown["bot"])

    @property
    def ephemeral(self) -> bool:
        """True if only this person sees it."""
        return bool(self.shown["ephemeral"])

    @property
    def text(self) -> str:
        """Its visible text: the blocks', or its own if it has none."""
        return "\n".join(texts_of(self.shown["blocks"])) or str(self.shown["text"])

    @property
    def notification(self) -> str:
        """The text of its notification on a phone."""
        return str(self.shown["text"])

    @property
    def files(self) -> list[Json]:
        """The files attached to it."""
        return list(self.shown.get("files", ()))

    @property
    def buttons(self) -> list[str]:
        """The labels of its buttons and menu options, without those of the last row, which decide nothing."""
        return [label for label, _, element, _ in _labels(self.shown["blocks"]) if element["action_id"] not in _MORE]

    @property
    def more(self) -> list[str]:
        """The labels of its actions that decide nothing."""
        return [label for label, _, element, _ in _labels(self.shown["blocks"]) if element["action_id"] in _MORE]

    async def now(self) -> "Message":
        """Return its current version."""
        for each in await self.person.messages(self.channel):
            if each.ts == self.ts:
                return each
        raise AssertionError(f"the message is gone: {self.text!r}")

    async def taken_back(self) -> None:
        """Wait until nobody sees it any more."""

        async def look() -> bool | None:
            return None if any(each.ts == self.ts for each in await self.person.messages(self.channel)) else True

        await wait_until(look, patience=self.person.people.patience, instead=lambda: f"it still stands: {self.text!r}")

    async def becomes(self, containing: str, *, buttons: list[str] | None = None) -> "Message":
        """Wait until it contains the text, and has exactly `buttons` if given."""
        last = [self]

        async def look() -> Message | None:
            last[0] = seen = await self.now()
            fits = containing.lower() in seen.text.lower() and buttons in (None, seen.buttons)
            return seen if fits else None

        def instead() -> str:
            return f"waited for {containing!r} with buttons {buttons}; it says {last[0].text!r} with {last[0].buttons}"

        return await wait_until(look, patience=self.person.people.patience, instead=instead)

    async def click(self, label: str, *, by: Person | None = None, value: Any = None, stale: bool = False) -> Outcome:
        """Press the button with this label, as it was when the message was seen.

        `by`: another person presses it. `value` chooses in a menu. `stale`: also if an update has removed it since.
        """
        press = _press(self.shown["blocks"], label, value)
        if stale and (own := _own_value(self.shown["blocks"], press)) is not None:
            press["value"] = own
        who = by or self.person
        return await who._act("click", channel=self.channel, ts=self.ts, stale=stale, **press)

    async def delete(self, *, by: Person | None = None) -> Outcome:
        """Delete it, as an admin may."""
        return await (by or self.person)._act("delete", channel=self.channel, ts=self.ts)

    async def open_form(self, label: str, *, by: Person | None = None) -> "Form":
        """Press a button that opens a form, and wait for the form."""
        who = by or self.person
        outcome = await self.click(label, by=who)
        assert outcome.acked, f"{label!r} was not acked"
        return await who.expect_form()


@dataclass(frozen=True, slots=True)
class Form:
    """A modal as one person saw it at one moment."""

    person: Person
    view: Json

    @property
    def title(self) -> str:
        """Its title."""
        return str(self.view["title"]["text"])

    @property
    def text(self) -> str:
        """All that can be read in it."""
        return "\n".join(texts_of(self.view["blocks"]))

    @property
    def fields(self) -> list[str]:
        """The labels of its inputs."""
        return [block["label"]["text"] for block in self.view["blocks"] if block["type"] == "input"]

    @property
    def values(self) -> Json:
        """The entries of its inputs, by label, as Slack's state entries."""
        state = self.view["state"]["values"]
        inputs = [block for block in self.view["blocks"] if block["type"] == "input"]
        return {block["label"]["text"]: next(iter(state[block["block_id"]].values())) for block in inputs}

    async def submit(self, values: Json | None = None) -> Outcome:
        """Submit it with these values, by label or block_id."""
        return await self.person._act("submit", view_id=self.view["id"], values=values or {})

    async def close(self) -> Outcome:
        """Close it without submitting."""
        return await self.person._act("close", view_id=self.view["id"])

    async def click(self, label: str, *, value: Any = None, values: Json | None = None) -> Outcome:
        """Press a button in it, with `values` entered beside it."""
        press = _press(self.view["blocks"], label, value)
        return await self.person._act("click", view_id=self.view["id"], values=values, **press)

    async def gone(self) -> None:
        """Wait until the person no longer sees it."""

        async def look() -> bool | None:
            view = (await self.person.state())["view"]
            return None if view and view["id"] == self.view["id"] else True

        await wait_until(look, patience=self.person.people.patience, instead=lambda: f"{self.title!r} is still open")


def saved_environment(folder: Path, url: str) -> dict[str, str]:
    """Return the environment of a workspace in another process, from its data folder."""
    secrets = json.loads((folder / "secrets.json").read_text(encoding="utf-8"))
    return {
        "SLACK_API_URL": f"{url}/api/",
        "SLACK_BOT_TOKEN": secrets["bot_token"],
        "SLACK_APP_TOKEN": secrets["app_token"],
        "SLACK_SIGNING_SECRET": secrets["signing_secret"],
    }


def _checked(status: int, body: str) -> Json:
    try:
        answer: Json = json.loads(body)
    except ValueError:
        raise RefusedError(f"HTTP {status}: {body}") from None
    if status >= 400:
        raise RefusedError(str(answer.get("error", body)))
    return answer


def _channel(state: Json, name: str) -> Json:
    wanted = name.removeprefix("#")
    for channel in state["channels"]:
        if wanted in (channel["id"], channel["name"]) or (wanted == "dm" and channel["kind"] == "dm"):
            return dict(channel)
    raise AssertionError(f"{state['me']['name']} is in no channel {name}")


_MORE = ("signoff_more", "signoff_nudge", "signoff_withdraw")


def _labels(blocks: list[Json]) -> Iterator[tuple[str, Json, Json, str | None]]:
    """Yield label, block, element and option value of everything that can be pressed."""
    for block in blocks:
        elements = [*block.get("elements", ()), block.get("accessory"), block.get("element")]
        for element in elements:
            if not isinstance(element, dict) or "action_id" not in element:
                continue
            if element["type"] == "button":
                yield element["text"]["text"], block, element, None
            elif block["type"] != "input":
                for option in element.get("options", ()):
                    yield option["text"]["text"], block, element, option["value"]


def _own_value(blocks: list[Json], press: Json) -> str | None:
    """Return the value of the pressed button: an updated card may have another button in its place."""
    for _, block, element, option in _labels(blocks):
        if (element["action_id"], block["block_id"]) == (press["action_id"], press["block_id"]) and option is None:
            return element.get("value")
    return None


def _press(blocks: list[Json], label: str, value: Any) -> Json:
    for shown, block, element, option in _labels(blocks):
        if shown == label or element["action_id"] == label:
            chosen = option if value is None else value
            press = {"action_id": element["action_id"], "block_id": block["block_id"]}
            return press if chosen is None else press | {"value": chosen}
    raise AssertionError(f"there is no {label!r} to press, only {[each[0] for each in _labels(blocks)]}")
