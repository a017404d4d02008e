"""One call of the Web API: its arguments and its errors.

Source: https://docs.slack.dev/apis/web-api
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.blockkit import BlockProblem
from adapters.localslack.state.state import Channel, Json
from adapters.localslack.workspace import LocalWorkspace


class SlackError(Exception):
    """A call ends in one of Slack's error codes; `more` are the further fields of the answer."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.answer: Json = {"ok": False, "error": code, **more}


class RateLimitedError(SlackError):
    """A call came too soon; `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class ApiCall:
    """The arguments of a call, from JSON, a form or the query. A field that is null counts as absent."""

    method: str
    args: Mapping[str, Any]

    def text(self, name: str, default: str = "") -> str:
        """Return a text argument."""
        value = self.args.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        """Return a text argument that must be there. Raises SlackError `invalid_arguments`."""
        if not (value := self.text(name)):
            message = f"[ERROR] missing required field: {name}"
            raise SlackError("invalid_arguments", response_metadata={"messages": [message]})
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean argument; forms send it as a word."""
        return self.args.get(name) in (True, "true", "True", "1", 1)

    def number(self, name: str, default: int) -> int:
        """Return a whole number. Raises SlackError `invalid_arguments`."""
        try:
            return int(self.args.get(name) or default)
        except (TypeError, ValueError) as error:
            message = f"[ERROR] must provide an integer [json-pointer:/{name}]"
            raise SlackError("invalid_arguments", response_metadata={"messages": [message]}) from error

    def data(self, name: str, refusal: str) -> Any:
        """Return an argument that is JSON, or a text that holds JSON. Raises SlackError with the code `refusal`."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            raise SlackError(refusal) from error


Run = Callable[[LocalWorkspace, ApiCall], Json]


@dataclass(frozen=True, slots=True)
class ApiMethod:
    """A method of the Web API: its function and the bot scope it needs ("" for none)."""

    scope: str
    run: Run
    app_token: bool = False


METHODS: dict[str, ApiMethod] = {}


def method(name: str, scope: str = "", *, app_token: bool = False) -> Callable[[Run], Run]:
    """Register the function as a method of the Web API."""

    def register(run: Run) -> Run:
        METHODS[name] = ApiMethod(scope, run, app_token)
        return run

    return register


def refuse(problems: list[BlockProblem]) -> None:
    """Raise the SlackError of blocks or views that Slack would refuse, if any."""
    if not problems:
        return
    code = problems[0].code
    messages = [problem.message for problem in problems if problem.code == code]
    metadata = {"messages": [f"[ERROR] {message}" for message in messages]}
    if code == "invalid_blocks":
        raise SlackError(code, errors=messages, response_metadata=metadata)
    raise SlackError(code, response_metadata=metadata)


def readable(slack: LocalWorkspace, name: str) -> Channel:
    """Find a channel by id, if the bot may see it. Raises SlackError `channel_not_found`."""
    channel = slack.state.channels.get(name)
    if channel is None or (channel.kind == "private" and slack.state.bot.id not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def joined(slack: LocalWorkspace, name: str) -> Channel:
    """Find a channel by id that the bot is in. Raises SlackError `channel_not_found` or `not_in_channel`."""
    channel = readable(slack, name)
    if slack.state.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def postable(slack: LocalWorkspace, name: str) -> Channel:
    """Find the channel to post to, by id or #name, or by a person's id for their DM. Raises SlackError."""
    if name in slack.state.people:
        name = slack.state.dm_id(name)
    found = slack.state.find_channel(name)
    channel = joined(slack, found.id if found else name)
    if channel.archived:
        raise SlackError("is_archived")
    return channel


def page(items: list[Json], call: ApiCall, default: int = 100) -> tuple[list[Json], Json]:
    """Return one page of a list, by `cursor` and `limit`, with its response_metadata.

    Raises SlackError `invalid_cursor`.
    """
    start = call.text("cursor")
    if start and not start.isdecimal():
        raise SlackError("invalid_cursor")
    first, limit = int(start or 0), max(1, min(call.number("limit", default), 1_000))
    following = str(first + limit) if first + limit < len(items) else ""
    return items[first : first + limit], {"next_cursor": following}
