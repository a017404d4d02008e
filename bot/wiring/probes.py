"""The probes of `signoff check`, on the real Redis, Slack and graphs."""

import asyncio
import contextlib
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from redis.exceptions import RedisError
from slack_sdk.errors import SlackClientError

from adapters.conditions import CelConditions
from adapters.extras import install_command
from adapters.oncall import ical
from adapters.redis import embedded
from adapters.redis.keys import Keys
from adapters.redis.stores.channels import RedisChannelMemory
from adapters.redis.transport import deployments
from adapters.redis.transport.cluster import Cluster
from adapters.redis.transport.errors import UnusableRedisError
from adapters.slack.drawing.sentences.choices import choice_words, option_label
from adapters.slack.workspace import directory
from adapters.slack.workspace.client import SLACK, web_client
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.identity import whoami
from bot.checks.oncall import OnCallNow
from bot.checks.probes import LoadedGraph, Names, Probes, RedisFound, UnfitError, Workspace
from bot.config.entries import Agent, Http, Mode
from bot.config.problems import ProblemsError
from bot.config.secrets import Secrets
from bot.config.settings import Config
from bot.oncall.people import People
from bot.rules.channel_names import resolved
from bot.rules.group_names import GroupNames
from bot.runtime import http
from bot.runtime.listening import TakenError
from bot.wiring.graph_store import try_store
from bot.wiring.graphs import import_langgraph, open_local
from bot.wiring.oncall import asked_people, shift_sources
from bot.wiring.slack import groups_problem, slack_problem, user_groups
from bot.wiring.storage import redis_at, redis_problem
from engine.asks.ask import Choice
from engine.asks.foreseen import Card, Foreseen, OfferedChoice
from engine.ids import AgentName, ChannelId, UserId
from engine.oncall.shifts import said_of
from engine.ports import AccountsUnknownError, Later, ShiftSource, SourceFailedError
from engine.rules.conditions import Conditions


class RealProbes:
    """See `bot.checks.probes.Probes`."""

    @property
    def conditions(self) -> Conditions:
        """The language of conditions."""
        return CelConditions()

    @property
    def calendars_lack(self) -> str:
        """The command that installs the packages for calendars; empty if they are installed."""
        return "" if ical.is_installed() else install_command("ical")

    async def graph(self, config: Config, name: AgentName) -> LoadedGraph:
        """Load the graph of an agent as `run` does, with a checkpointer that keeps nothing."""
        await asyncio.to_thread(import_langgraph)
        from langgraph.checkpoint.memory import InMemorySaver

        from adapters.langgraph.opening import told_when_late

        with told_when_late(lambda: _say_late(name, config.agents[name].graph)):
            graphs = await open_local(config, [name], InMemorySaver())
        await graphs.aclose()
        unfit = (f"{config.where('agents', name)}.{each}" for each in graphs.unfit_answers[name])
        schemas = graphs.schemas[name]
        warnings = (*graphs.warnings, *graphs.advice(), *unfit)
        return LoadedGraph(warnings, tuple(map(_with_buttons, graphs.foreseen(name))), frozenset(schemas), schemas)

    async def store(self, config: Config) -> Sequence[str]:
        """Make the store that the project's graphs get, and try the model of its index. Raises ProblemsError."""
        await try_store(config.project)
        return ()

    async def server(self, agent: Agent) -> Sequence[str]:
        """Reach a LangGraph Server, and see that it has the assistant, with the nodes that the breakpoints name.

        Raises UnfitError.
        """
        from adapters.langgraph.remote.client import Server, ServerRefusedError, connected

        if (entry := agent.server) is None:
            raise AssertionError("an agent without a graph has a server")
        try:
            async with connected(Server(entry.url, entry.assistant, entry.api_key)) as client:
                await client.check()
                (await client.nodes()).check_breakpoints((*agent.interrupt_before, *agent.interrupt_after))
        except ServerRefusedError as error:
            raise UnfitError(str(error), "See the server's own pages, and the key.") from None
        except Later:
            raise UnfitError(f"{entry.url} cannot be reached", "Is the server up, and is the address right?") from None
        return ()

    async def redis(self, url: str | None, data: Path) -> RedisFound:
        """Reach Redis, or start the private one in `data`. Raises UnfitError."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                reached = await stack.enter_async_context(redis_at(url, data))
                database = deployments.multiplexed(reached, ride_out=0)
                stack.push_async_callback(database.aclose)
                warnings = await database.check()
                return RedisFound(tuple(warnings), database.described if isinstance(database, Cluster) else "")
        except (UnusableRedisError, embedded.EmbeddedError) as error:
            problem = redis_problem(error)
            raise UnfitError(problem.what, problem.fix) from None

    async def address(self, at: Http) -> Sequence[str]:
        """See that the bot can listen there; that another program does, such as the bot itself, is no problem.

        Raises UnfitError.
        """
        try:
            async with http.serving((), at.host, at.port):
                return ()
        except TakenError:
            return [f"{at.host}:{at.port} is in use. The bot can't start beside the program that listens there."]
        except ProblemsError as error:
            raise UnfitError(
                error.problems[0].what, "Name a host of this machine and a port that it lets you use."
            ) from None

    async def slack(self, secrets: Secrets, mode: Mode) -> Workspace:
        """See that the tokens are good. Raises UnfitError."""
        variable = "SLACK_BOT_TOKEN"
        async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
            try:
                identity = await whoami(client)
                variable = "SLACK_APP_TOKEN"
                if mode is Mode.SOCKET:
                    await directory.check_app_token(client, secrets.slack_app_token or "")
            except (SlackRefused, SlackClientError, OSError) as error:
                problem = slack_problem(variable, error)
                raise UnfitError(problem.what, problem.fix, problem.where) from None
        return Workspace(identity.team_name, identity.name, directory.missing_scopes(identity))

    async def names(self, secrets: Secrets, people: Collection[str], channels: Collection[str], data: Path) -> Names:
        """Look up names; leaves out what is not there. Raises UnfitError."""
        async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
            try:
                identity = await whoami(client)
                found, listed = await directory.people(client, people, identity), await directory.channels(client)
            except SlackRefused as error:
                problem = slack_problem("SLACK_BOT_TOKEN", error)
                raise UnfitError(problem.what, problem.fix, problem.where) from None
        return found, resolved(channels, listed, await self._remembered(secrets.redis_url, data, identity.team))

    async def groups(self, secrets: Secrets, names: Collection[str]) -> GroupNames:
        """Look up user groups; leaves out what is not there. Raises UnfitError."""
        async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
            try:
                return await user_groups(client, await whoami(client), names)
            except SlackRefused as error:
                problem = groups_problem("", error)
                raise UnfitError(problem.what, problem.fix, problem.where) from None

    async def on_call(self, config: Config, *, in_slack: bool) -> Mapping[str, OnCallNow]:
        """Ask all sources who is on call now; `in_slack`: and Slack, who of them are members."""
        async with contextlib.AsyncExitStack() as stack:
            sources = await stack.enter_async_context(shift_sources(config))
            people = await stack.enter_async_context(asked_people(config)) if in_slack else None
            found = await asyncio.gather(*(_now(each, people) for each in sources.values()))
            return dict(zip(sources, found, strict=True))

    async def absent(self, secrets: Secrets, channel: ChannelId, people: Collection[UserId]) -> Collection[UserId]:
        """The people, of these, who cannot see a channel. Raises UnfitError."""
        async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
            try:
                return await directory.absent(client, channel, people)
            except SlackRefused as error:
                problem = slack_problem("SLACK_BOT_TOKEN", error)
                raise UnfitError(problem.what, problem.fix, problem.where) from None

    @staticmethod
    async def _remembered(url: str | None, data: Path, workspace: str) -> Mapping[str, ChannelId]:
        """The remembered channels; none where Redis cannot be reached, which is a problem of its own."""
        try:
            async with redis_at(url, data) as reached, deployments.multiplexed(reached, ride_out=0) as database:
                return await RedisChannelMemory(database, Keys(), workspace).remembered()
        except (RedisError, UnusableRedisError, embedded.EmbeddedError):
            return {}


async def _now(source: ShiftSource, people: People | None) -> OnCallNow:
    now = datetime.now(UTC)
    try:
        shifts = (await source.shifts(now, now)).on_call(now)
        strangers = [each for each in shifts if people is not None and await people.user(each) is None]
    except (SourceFailedError, AccountsUnknownError) as failed:
        return OnCallNow(failed=str(failed))
    return OnCallNow(said_of(shifts), said_of(strangers))


def _say_late(name: str, spec: str | None) -> None:
    sys.stderr.write(f"signoff check: still loading {name} ({spec})\n")
    sys.stderr.flush()


def _with_buttons(found: Foreseen) -> Foreseen:
    """An interrupt with the names that stand on the buttons."""
    cards = tuple(
        replace(card, choices=tuple(replace(each, button=_button(card, each)) for each in card.choices))
        for card in found.cards
    )
    return replace(found, cards=cards)


def _button(card: Card, offered: OfferedChoice) -> str:
    return (
        option_label(offered.word)
        if offered.choice is Choice.OPTION
        else choice_words(card.kind, offered.choice).button
    )


def probes() -> Probes:
    """The probes of `signoff check`."""
    return RealProbes()
