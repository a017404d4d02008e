"""Sentences of cards as plain text for a terminal, and the names of the people and channels in them.

The stores keep the channels of `app.yaml` by name; other names only Slack knows. It is asked where there is a token,
for a few seconds at most. Where a name is not known, the id is shown.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import unescape

from slack_sdk.errors import SlackClientError

from adapters.redis.stores.channels import RedisChannelMemory
from adapters.slack.drawing.sentences import notifications, outcomes, progress, times
from adapters.slack.drawing.sentences.people import FEW_NAMES, who_can
from adapters.slack.drawing.untrusted_text import pretty, visible
from adapters.slack.workspace.client import web_client
from bot import concealment
from bot.config.settings import Config
from bot.masking import masked
from bot.wiring.slack import SLACK
from bot.wiring.storage import Storage
from engine.approvals.approval import Approval, State
from engine.asks.ask import Json
from engine.ids import ChannelId, TeamId, UserId

_PATIENCE_SECONDS = 3.0
_MOST_PEOPLE = 40
_HEADLINE = 400
_MARKUP = re.compile(r"<([^<>]*)>")
_LOOK_ALIKES = str.maketrans({"\u2217": "*", "\uff3f": "_", "\u223c": "~", "\u02cb": "`", "\ua789": ":"})
"""The characters by which cards keep untrusted text from styling: a terminal has no such markup."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of people and channels, by id."""

    people: Mapping[UserId, str] = field(default_factory=dict)
    channels: Mapping[ChannelId, str] = field(default_factory=dict)

    def person(self, user: UserId) -> str:
        """A name beside its id: `alice (U024BE7LH)`; an id whose name is not known."""
        name = self.people.get(user)
        return line(f"{name} ({user})" if name else user)

    def channel(self, channel: ChannelId) -> str:
        """`#deploys`; for a direct message and for a channel whose name is not known, the id."""
        return line(self.channels.get(channel, channel))

    def plain(self, mrkdwn: str) -> str:
        """A sentence of a card without Slack's markup, on one line."""
        text = _MARKUP.sub(lambda found: self._named(found[1]), mrkdwn).translate(_LOOK_ALIKES)
        return line(unescape(text))

    def _named(self, markup: str) -> str:
        kind, rest = markup[:1], markup[1:].partition("|")[0]
        if kind == "@":
            return self.people.get(UserId(rest), rest)
        if kind == "#":
            return self.channels.get(ChannelId(rest), rest)
        return markup.partition("|")[2] or markup


def line(text: str) -> str:
    """Untrusted text on one line: without secrets, and with control and bidi characters spelled out."""
    return " ".join(visible(masked(text)).split())


def value_line(value: Json) -> str:
    """A value as its card shows it, on one line."""
    return line(pretty(concealment.shown_value(value)))


@dataclass(frozen=True, slots=True)
class Described:
    """An approval in the words of its card, without markup."""

    request: str
    whom: str
    votes: str
    deadline: str
    outcome: str


def described(approval: Approval, names: Names) -> Described:
    """Put an approval into words; its secrets are masked as on the card."""
    shown = concealment.shown(approval)
    waiting = [index for index, review in enumerate(shown.reviews) if review.decision is None]
    policies = dict.fromkeys(shown.reviews[index].governing for index in waiting)
    is_pending = shown.state is State.PENDING
    return Described(
        request=names.plain(notifications.headline(shown, _HEADLINE)),
        whom=names.plain(", ".join(who_can(shown, each, FEW_NAMES) for each in policies)) if is_pending else "",
        votes=names.plain(next((said for index in waiting if (said := progress.votes(shown, index))), "")),
        deadline=names.plain(times.deadline(shown)) if is_pending else "",
        outcome=names.plain(outcomes.outcome(shown) or ("" if is_pending else "Decided")),
    )


async def names_of(config: Config, kept: Storage, teams: Iterable[TeamId], users: Iterable[UserId]) -> Names:
    """Find the names of people and channels; never raises for Slack, which may be away."""
    channels: dict[ChannelId, str] = {}
    for team in dict.fromkeys(teams):
        for name, channel in (await RedisChannelMemory(kept.database, kept.keys, team).remembered()).items():
            channels.setdefault(channel, f"#{name.removeprefix('#')}")
    wanted = list(dict.fromkeys(users))[:_MOST_PEOPLE]
    return Names(await _people(config, wanted) if config.secrets.slack_bot_token and wanted else {}, channels)


async def _people(config: Config, users: Iterable[UserId]) -> Mapping[UserId, str]:
    found: dict[UserId, str] = {}

    async def look_up(user: UserId) -> None:
        try:
            answer = await client.users_info(user=user)
        except (SlackClientError, OSError, TimeoutError):
            return
        person = answer.get("user") or {}
        if name := person.get("name") or (person.get("profile") or {}).get("display_name"):
            found[user] = str(name)

    secrets = config.secrets
    async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
                for user in users:
                    group.create_task(look_up(user))
        except TimeoutError:
            pass
    return found
