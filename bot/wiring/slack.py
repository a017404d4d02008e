"""Connects to Slack: the bot's identity, the people and channels that the configuration names, the adapters."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from pydantic import TypeAdapter, ValidationError
from redis.exceptions import RedisError
from slack_sdk.errors import SlackClientError

from adapters.redis.stores.budget import RedisBudget
from adapters.redis.stores.channels import RedisChannelMemory
from adapters.redis.stores.groups import RedisGroupMemory
from adapters.redis.stores.people import RedisPeopleMemory
from adapters.slack.inbound.http import PATH
from adapters.slack.outbound.chat import CLOCKS_DIFFER, SlackChat
from adapters.slack.workspace import directory
from adapters.slack.workspace import groups as group_listing
from adapters.slack.workspace.accounts import SlackAccounts
from adapters.slack.workspace.client import SLACK, web_client
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.groups import SlackGroups
from adapters.slack.workspace.identity import Identity, whoami
from adapters.slack.workspace.manifest import manifest as slack_manifest
from adapters.slack.workspace.patience import patiently
from adapters.slack.workspace.roster import Met, SlackRoster
from bot.config.names import approver_names, channel_names, oncall_names
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.settings import Config
from bot.inbound.agents import Agents
from bot.rules.channel_names import ChannelNames, resolved
from bot.rules.group_names import GroupNames
from bot.rules.rulebook import KnownNames, group_names
from bot.runtime.clock import DemoClock, SystemClock
from bot.runtime.shared_names import SharedNames
from bot.wiring.storage import Storage
from engine.ids import AgentName, ChannelId, UserId
from engine.ports import ListedPerson

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient


NAME_SECONDS = 0.5
"""No click waits longer for a name to be remembered."""
CHANNELS_SECONDS = 300.0
"""How long workers take the word of another one for which channels are open. The others start soon after the first."""

Names: TypeAlias = tuple[KnownNames, ChannelNames]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Slack:
    """A connected workspace: the bot's identity, the resolved names, and the adapters on the Web API."""

    client: "AsyncWebClient"
    identity: Identity
    known: KnownNames
    channels: ChannelNames
    accounts: SlackAccounts
    roster: SlackRoster
    groups: SlackGroups
    chat: SlackChat


@contextlib.asynccontextmanager
async def connected(
    config: Config,
    kept: Storage,
    clock: SystemClock | DemoClock,
    *,
    all_groups: bool,
    together: frozenset[AgentName],
    shared: SharedNames | None = None,
) -> AsyncIterator[Slack]:
    """Connect, and look up all names of the configuration. Raises ProblemsError."""
    secrets = config.secrets
    async with (
        web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client,
        contextlib.AsyncExitStack() as stack,
    ):
        identity, known, channels = await introduced(config, client, kept, all_groups=all_groups, shared=shared)
        client.pace.keep_to(RedisBudget(kept.database, kept.keys, identity.team))
        memory = RedisGroupMemory(kept.database, kept.keys, identity.team)
        groups = SlackGroups(client, identity, memory, handles=known.groups.spelled, now=clock.now)
        met = RedisPeopleMemory(kept.database, kept.keys, identity.team)
        await met.remember_address(identity.url)
        roster = SlackRoster(client, identity, met=remembering(met))
        accounts = SlackAccounts(client, identity)
        ahead = clock.ahead or CLOCKS_DIFFER
        chat = SlackChat(client, identity.user, client.pace, together=together, ahead=ahead)
        for each in (groups, roster, chat, accounts):
            stack.push_async_callback(each.aclose)
        yield Slack(client, identity, known, channels, accounts, roster, groups, chat)


def remembering(memory: RedisPeopleMemory) -> Met:
    """Remember the names of people for the commands that read the audit; one that is lost costs a name."""

    async def met(user: UserId, name: str) -> None:
        if not name:
            return
        try:
            async with asyncio.timeout(NAME_SECONDS):
                await memory.remember(user, name)
        except (RedisError, TimeoutError) as error:
            log.info("name_not_remembered", user=user, error=type(error).__name__)

    return met


async def introduced(
    config: Config,
    client: "AsyncWebClient",
    kept: Storage,
    *,
    all_groups: bool,
    shared: SharedNames | None = None,
) -> tuple[Identity, KnownNames, ChannelNames]:
    """The bot's identity, and the people, groups and channels that the configuration names. Raises ProblemsError."""
    try:
        identity = await patiently(lambda: whoami(client))
        told, is_new = await _told(shared)
        if told is not None and is_new:
            return identity, *told
        people, listed = await asyncio.gather(
            _people(config, client, identity, told), patiently(lambda: directory.channels(client))
        )
    except (SlackRefused, SlackClientError, OSError, TimeoutError) as error:
        raise ProblemsError([slack_problem("SLACK_BOT_TOKEN", error)]) from None
    memory = RedisChannelMemory(kept.database, kept.keys, identity.team)
    known = await memory.remembered()
    channels = resolved(channel_names(config), listed, known)
    await memory.remember({name: channel for name, channel in channels.memory.items() if name not in known})
    names = group_names(config)
    try:
        found = (
            await patiently(lambda: user_groups(client, identity, names, always=all_groups))
            if told is None
            else told[0].groups
        )
    except SlackRefused as error:
        where = next(iter(names.values()), config.where("approvals"))
        raise ProblemsError([groups_problem(where, error)]) from None
    except (SlackClientError, OSError, TimeoutError) as error:
        raise ProblemsError([slack_problem("SLACK_BOT_TOKEN", error)]) from None
    looked_up = KnownNames(people, channels.ids, channels.listed, found)
    if shared is not None and told is None:
        shared.tell(_names().dump_json((looked_up, channels)).decode())
    return identity, looked_up, channels


async def _told(shared: SharedNames | None) -> tuple[Names | None, bool]:
    """The names that another worker has told, and whether this was a moment ago; None for what cannot be read."""
    told = await shared.told() if shared is not None else None
    if told is None:
        return None, False
    try:
        return _names().validate_json(told.names), told.age < CHANNELS_SECONDS
    except ValidationError:  # of another version: it was installed while the bot runs
        log.warning("names_of_another_version")
        return None, False


async def _people(
    config: Config, client: "AsyncWebClient", identity: Identity, told: Names | None
) -> Mapping[str, ListedPerson]:
    """The people that the configuration names, as another worker knows them, or as Slack does."""
    if told is not None:
        return told[0].people
    return await patiently(
        lambda: directory.people(client, {**approver_names(config), **oncall_names(config)}, identity)
    )


@functools.cache
def _names() -> TypeAdapter[Names]:
    """The names as JSON; made when it is needed, since one process alone needs it not."""
    return TypeAdapter(Names)


def listening_agents(config: Config, channels: Mapping[str, ChannelId]) -> Agents:
    """The agents that listen in each channel, and the one for direct messages."""
    listening: dict[ChannelId, list[AgentName]] = {}
    for name, agent in config.agents.items():
        for channel in agent.channels:
            if channel in channels:
                listening.setdefault(channels[channel], []).append(name)
    direct = next((name for name, agent in config.agents.items() if agent.direct_messages), None)
    return Agents(listening, direct, {name: agent.description for name, agent in config.agents.items()})


def help_text(config: Config, channels: Mapping[str, ChannelId]) -> str:
    """The text of `/signoff` and the Home tab; every word of it is the operator's or ours."""
    lines = ["Available agents. Mention me to start one:"]
    for name, agent in config.agents.items():
        places = [f"<#{channels[channel]}>" for channel in agent.channels if channel in channels]
        places += ["a direct message to me"] if agent.direct_messages else []
        where = " or ".join(filter(None, [", ".join(places[:-1]), *places[-1:]]))
        lines.append(f"• *{name}* in {where}{': ' + agent.description if agent.description else ''}")
    return "\n".join(lines)


def slack_problem(variable: str, error: Exception) -> ConfigProblem:
    """The problem that a refusal of Slack's means; `variable` is what it is most likely about."""
    code = error.code if isinstance(error, SlackRefused) else ""
    if code in ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"):
        return ConfigProblem(variable, f"is refused by Slack ({code})", "Copy it again from your app's pages.")
    if code == "too_many_websockets":
        what = "Slack allows an app 10 connections by Socket Mode, and all are in use"
        return ConfigProblem(variable, what, "Stop other processes that use this app, or give them another app.")
    if isinstance(error, SlackRefused) and error.passes:
        return ConfigProblem("Slack", f"does not serve at the moment: {error}", "Start again in a minute.")
    if code:
        return ConfigProblem(variable, str(error), "See https://docs.slack.dev/reference/methods for this code.")
    host, why = getattr(error, "host", None) or "slack.com", type(error).__name__
    reason = "DNS" if "DNS" in why else "no answer in time" if isinstance(error, TimeoutError) else why
    return ConfigProblem("Slack", f"cannot reach {host} ({reason})", "Check the network or the proxy.")


async def user_groups(
    client: "AsyncWebClient", identity: Identity, names: Collection[str], *, always: bool = False
) -> GroupNames:
    """Look up user groups by these names. Raises SlackRefused.

    Slack is not asked where there are none, unless `always`: conditions ask for the requester's groups.
    """
    if not names and not always:
        return GroupNames()
    listed = await group_listing.all_groups(client, identity)
    return GroupNames(group_listing.named(names, listed), {each.handle: each.id for each in listed if not each.unable})


def groups_problem(where: str, error: SlackRefused) -> ConfigProblem:
    """The problem where Slack does not list the user groups that a rule names; `where` it names them."""
    match error.code:
        case "plan_upgrade_required":
            fix = "Name users in place of groups, or upgrade the plan."
            return ConfigProblem(where, "this workspace has no user groups: they need a paid Slack plan", fix)
        case "missing_scope":
            what = f"the bot may not read user groups: its token lacks the scope {error.needed or group_listing.SCOPE}"
            fix = "Add it on your app's OAuth & Permissions page (signoff manifest lists all), and reinstall the app."
            return ConfigProblem(where, what, fix)
        case _:
            return slack_problem("SLACK_BOT_TOKEN", error)


def manifest(url: str | None) -> dict[str, Any]:
    """The app's manifest; `url` is the bot's public address in HTTP mode."""
    address = None if url is None else url.rstrip("/").removesuffix(PATH) + PATH
    return slack_manifest(url=address)
