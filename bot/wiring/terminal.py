"""Sentences of cards as plain text for a terminal, and the names of the people and channels in them.

The stores keep the names of the channels of `app.yaml`, and of the people whom the bot looked up. Slack is asked for
others where there is a token, for a few seconds at most. Where a name is not known, the id is shown.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import unescape

from redis.exceptions import ResponseError

from adapters.redis.stores.channels import RedisChannelMemory
from adapters.redis.stores.people import RedisPeopleMemory
from adapters.slack.drawing.sentences import notifications, outcomes, progress, times
from adapters.slack.drawing.sentences.choices import choice_words
from adapters.slack.drawing.sentences.people import FEW_NAMES, who_can
from adapters.slack.drawing.untrusted_text import document_line, pretty, visible
from bot import concealment
from bot.config.stored import StorageSettings
from bot.masking import concealed
from bot.wiring.storage import Storage
from engine.approvals.approval import Approval, State
from engine.asks.ask import Json
from engine.ids import ChannelId, MessageTs, TeamId, UserId
from engine.machine import outcome_of

_PATIENCE_SECONDS = 3.0
_MOST_ASKED = 40
"""People whom Slack is asked about, in one command."""
_HEADLINE = 400
_FEW = 6
_MARKUP = re.compile(r"<([^<>]*)>")
_LOOK_ALIKES = str.maketrans({"\u2217": "*", "\uff3f": "_", "\u223c": "~", "\u02cb": "`", "\ua789": ":"})
"""The characters by which cards keep untrusted text from styling: a terminal has no such markup."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of people and channels, and the addresses of workspaces, by id."""

    people: Mapping[UserId, str] = field(default_factory=dict)
    channels: Mapping[ChannelId, str] = field(default_factory=dict)
    addresses: Mapping[TeamId, str] = field(default_factory=dict)

    def person(self, user: UserId) -> str:
        """A name beside its id: `alice (U024BE7LH)`; an id whose name is not known."""
        name = self.people.get(user)
        return line(f"{name} ({user})" if name else user)

    def channel(self, channel: ChannelId) -> str:
        """`#deploys`; for a direct message and for a channel whose name is not known, the id."""
        return line(self.channels.get(channel, channel))

    def link(self, approval: Approval) -> str:
        """The address of a card; "" for one that is not posted, and where the workspace's address is not known."""
        place, base = approval.place, self.addresses.get(approval.place.team)
        if not base or approval.card is None:
            return ""
        under = f"?thread_ts={place.thread_ts}&cid={place.channel}" if place.thread_ts else ""
        return line(f"{base}archives/{place.channel}/p{approval.card.replace('.', '')}{under}")

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
    return " ".join(visible(concealed(text)).split())


def json_line(value: Json) -> str:
    """JSON on one line, in which control and bidi characters are JSON's own escapes; secrets are masked already."""
    return document_line(value)


def few(texts: Iterable[str]) -> str:
    """The first texts of a list that may be long, with an ellipsis for the others."""
    first = sorted(texts)
    return ", ".join([*first[:_FEW], *(["…"] if len(first) > _FEW else [])])


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
    named = replace(shown, card=shown.card or MessageTs("0"))  # a list calls nobody, so it may name everybody
    return Described(
        request=names.plain(notifications.headline(shown, _HEADLINE)),
        whom=names.plain(", ".join(who_can(named, each, FEW_NAMES) for each in policies)) if is_pending else "",
        votes=names.plain(next((said for index in waiting if (said := progress.votes(shown, index))), "")),
        deadline=names.plain(times.deadline(shown)) if is_pending else "",
        outcome=names.plain(outcomes.outcome(shown) or ("" if is_pending else "Decided")),
    )


def made(approval: Approval) -> str:
    """How people ended a request, as one past participle: `approved`; `retried` for the failure of a run."""
    decision = approval.reviews[0].decision
    if approval.is_withdrawn or len(approval.reviews) > 1 or decision is None:
        return outcome_of(approval)
    return choice_words(approval.ask.kind, decision.choice).made.partition(" ")[0].lower()


class Directory:
    """Finds the names of people and channels; never raises for Slack, which may be away."""

    def __init__(self, settings: StorageSettings, kept: Storage) -> None:
        self._secrets, self._kept = settings.secrets, kept
        self._people: dict[UserId, str | None] = {}
        self._left = _MOST_ASKED
        self._channels: dict[TeamId, Mapping[str, ChannelId]] = {}
        self._addresses: dict[TeamId, str] = {}

    async def names(self, teams: Iterable[TeamId], users: Iterable[UserId]) -> Names:
        """The names of these workspaces' channels and of these people, as far as they are known."""
        for team in dict.fromkeys(teams):
            if team not in self._channels:
                memory = RedisChannelMemory(self._kept.database, self._kept.keys, team)
                self._channels[team] = await memory.remembered()
                self._addresses[team] = await self._address(team)
        new = [user for user in dict.fromkeys(users) if user not in self._people]
        known = await self._remembered(new)
        asked = [user for user in new if user not in known][: self._left]
        self._left -= len(asked)
        self._people |= {**dict.fromkeys(new), **known, **await self._of_slack(asked)}
        of_teams = (each for names in self._channels.values() for each in names.items())
        channels = {channel: f"#{name.removeprefix('#')}" for name, channel in of_teams}
        people = {user: name for user, name in self._people.items() if name is not None}
        return Names(people, channels, self._addresses)

    async def _address(self, team: TeamId) -> str:
        with contextlib.suppress(ResponseError):  # not a hash
            return await RedisPeopleMemory(self._kept.database, self._kept.keys, team).address()
        return ""

    async def _remembered(self, users: Sequence[UserId]) -> Mapping[UserId, str]:
        found: dict[UserId, str] = {}
        for team in self._channels:
            memory = RedisPeopleMemory(self._kept.database, self._kept.keys, team)
            with contextlib.suppress(ResponseError):  # not a hash: without a name the id is shown
                found |= await memory.remembered(users)
        return found

    async def _of_slack(self, users: Sequence[UserId]) -> Mapping[UserId, str]:
        found: dict[UserId, str] = {}
        if not users or not self._secrets.slack_bot_token:
            return found
        from adapters.slack.workspace.client import SLACK, web_client
        from adapters.slack.workspace.roster import name_of

        async def look_up(user: UserId) -> None:
            try:
                found[user] = name_of((await client.users_info(user=user))["user"])
            except Exception:  # noqa: BLE001 - without a name the id is shown
                return

        async with web_client(self._secrets.slack_bot_token, self._secrets.slack_api_url or SLACK) as client:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
                    for user in users:
                        group.create_task(look_up(user))
            except TimeoutError:
                pass
        return found
