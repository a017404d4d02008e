"""Puts the parts together: the one place that names concrete adapters.

`bot` is read from top to bottom as the list of what a running bot is made of. A test may hand in `alter`, which gets
the ports before they are used, to put something between: a clock of its own, a store that dies after its third write.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from redis.exceptions import RedisError
from slack_sdk.errors import SlackClientError

from adapters.langgraph import dialects
from adapters.langgraph.loading import LoadError
from adapters.localslack import AddressInUseError, JournalError, LocalSlack, RosterError
from adapters.localslack import roster as local_roster
from adapters.redis import embedded
from adapters.redis.approvals import RedisApprovals
from adapters.redis.audit import RedisAudit
from adapters.redis.connection import UnusableRedisError
from adapters.redis.conversations import RedisConversations
from adapters.redis.keys import Keys
from adapters.redis.lanes import LEASE, RedisLanes
from adapters.redis.multiplexed import Multiplexed
from adapters.redis.names import RedisNames
from adapters.slack import directory
from adapters.slack.chat import SlackChat
from adapters.slack.client import web_client
from adapters.slack.errors import SlackRefused
from adapters.slack.handlers import Handlers, build_app
from adapters.slack.identity import Identity, whoami
from adapters.slack.manifest import manifest as slack_manifest
from adapters.slack.roster import SlackRoster
from adapters.slack.socket import Sockets, sockets
from adapters.slack.web import PATH, route
from bot import config as configuration
from bot import http
from bot.agents import Agents
from bot.check import Names, Probes, UnfitError, Workspace
from bot.config import Config, Mode, Secrets
from bot.config_shape import Resume
from bot.desk import Desk
from bot.faults import Fault, FaultsError
from bot.graphs import LateGraphs, OpenGraphs
from bot.names import Names as AgentNames
from bot.names import definitions
from bot.outbox import Outbox, Ways
from bot.telemetry import Metrics
from bot.time_travel import TimeTravels
from engine.ids import AgentName, ChannelId, TeamId, UserId
from engine.ports import (
    Approvals,
    Audit,
    Chat,
    Clock,
    Conversations,
    Graphs,
    Lanes,
    Later,
    Roster,
)

if TYPE_CHECKING:
    from slack_bolt.app.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

    from adapters.langgraph.server import ServerSpec

SLACK = "https://slack.com/api/"


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        return datetime.now(UTC)


class PortTakenError(FaultsError):
    """Somebody else listens on that port."""


# Storage --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Storage:
    """What is kept in Redis."""

    database: Multiplexed
    keys: Keys
    lanes: RedisLanes
    approvals: RedisApprovals
    conversations: RedisConversations
    audit: RedisAudit


@contextlib.asynccontextmanager
async def storage(config: Config, lease: timedelta = LEASE) -> AsyncIterator[Storage]:
    """Connect to `REDIS_URL`, or to the private Valkey of the data folder. Raises FaultsError."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(_redis(config.secrets.redis_url, config.data))
            database = await stack.enter_async_context(Multiplexed.from_url(url))
            await database.check()
        except (UnusableRedisError, embedded.EmbeddedError) as error:
            raise FaultsError([_redis_fault(error)]) from None
        keys, kept = Keys(), config.retention
        lanes = await stack.enter_async_context(RedisLanes(database, keys, url, lease=lease))
        yield Storage(
            database,
            keys,
            lanes,
            RedisApprovals(database, keys, kept),
            RedisConversations(database, keys, kept),
            RedisAudit(database, keys, kept),
        )


@contextlib.asynccontextmanager
async def _redis(url: str | None, data: Path) -> AsyncIterator[str]:
    if url is not None:
        yield url
        return
    async with embedded.running(data) as private:
        yield private


def _redis_fault(error: Exception) -> Fault:
    what, _, mend = str(error).partition(": ")
    return Fault("REDIS_URL", what, mend)


# Graphs ---------------------------------------------------------------------------------------------------------------


def _late_graphs(config: Config, kept: Storage) -> LateGraphs:
    async def opened() -> OpenGraphs:
        try:
            return await _open_graphs(config, kept)
        except LoadError as error:
            raise FaultsError([_graph_fault(config, error)]) from None

    return LateGraphs(opened, dialects.problems)


async def _open_graphs(config: Config, kept: Storage) -> OpenGraphs:
    await asyncio.to_thread(_import_langgraph)
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    from adapters.langgraph.agents import AgentSpec
    from adapters.langgraph.local import LocalGraphs
    from adapters.langgraph.routed import RoutedGraphs
    from adapters.langgraph.server import ServerGraphs
    from adapters.redis.saver import AsyncRedisSaver, FencedError

    local = {name: agent for name, agent in config.agents.items() if agent.graph is not None}
    specs = {
        name: AgentSpec(
            agent.graph or "",
            config.base,
            agent.input,
            agent.reply,
            _answers(agent),
            interrupt_before=agent.interrupt_before,
            interrupt_after=agent.interrupt_after,
            time_limit=agent.time_limit,
            recursion_limit=agent.recursion_limit,
        )
        for name, agent in local.items()
    }
    # LangGraph's own rule for types in checkpoints, `LANGGRAPH_STRICT_MSGPACK`: a graph that runs under LangGraph runs
    # here, also one that asks with an object of its own. Who can write to this Redis can approve anything anyway.
    serde = JsonPlusSerializer()
    saver = AsyncRedisSaver(kept.database, keys=kept.keys, retention=config.retention, serde=serde)
    graphs = await LocalGraphs.open(specs, saver, infrastructure=(RedisError, FencedError))
    servers = {name: agent for name, agent in config.agents.items() if agent.server is not None}
    if not servers:
        return graphs
    remote = await ServerGraphs.open({name: _server_spec(agent) for name, agent in servers.items()})
    return RoutedGraphs(graphs, dict.fromkeys(servers, remote))


def _server_spec(agent: configuration.Agent) -> "ServerSpec":
    from adapters.langgraph.server import ServerSpec
    from adapters.langgraph.server_calls import Server

    if agent.server is None:
        raise AssertionError("an agent without a graph has a server")
    return ServerSpec(
        Server(agent.server.url, agent.server.assistant, agent.server.api_key),
        agent.input,
        agent.reply,
        _answers(agent),
        interrupt_before=agent.interrupt_before,
        interrupt_after=agent.interrupt_after,
        time_limit=agent.time_limit,
        recursion_limit=agent.recursion_limit,
    )


def _answers(agent: configuration.Agent) -> tuple[dialects.AnswerRule, ...]:
    return tuple(
        dialects.AnswerRule(
            node=entry.when.node,
            payload=entry.when.payload,
            templates={choice: sends.model_dump() for choice, sends in entry.choices.items()},
            ask=entry.ask,
        )
        for entry in agent.answers
    )


def _import_langgraph() -> None:
    """In a thread: it takes more than a second, in which the bot serves already."""
    import adapters.langgraph.local
    import adapters.redis.saver  # noqa: F401 - likewise


# The bot --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Ports:
    """Everything that the desk and the outbox stand on."""

    approvals: Approvals
    conversations: Conversations
    audit: Audit
    lanes: Lanes
    graphs: Graphs
    roster: Roster
    chat: Chat
    clock: Clock = field(default_factory=SystemClock)


@dataclass(slots=True)
class Bot:
    """A bot that is put together, and not yet listening."""

    config: Config
    ports: Ports
    desk: Desk
    outbox: Outbox
    metrics: Metrics
    storage: Storage
    names: AgentNames
    _graphs: LateGraphs
    _app: "AsyncApp"
    _sockets: Sockets | None = None

    async def load_graphs(self) -> None:
        """Raises FaultsError for a graph that cannot be used."""
        await self._graphs.load()

    async def serve_lanes(self) -> None:
        """Perform effects until cancelled."""
        await self.ports.lanes.serve(self.outbox.perform, self.outbox.set_aside)

    def drain(self) -> None:
        """Ask graph runs to rest at their next step."""
        self._graphs.drain()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take what Slack sends. Over HTTP that is the route of `http`."""
        if self.config.mode is Mode.HTTP:
            yield
            return
        token = self.config.secrets.slack_app_token or ""
        try:
            async with sockets(self._app, token) as opened:
                self._sockets = opened
                yield
        except SlackRefused as error:
            raise FaultsError([_slack_fault("SLACK_APP_TOKEN", error)]) from None
        finally:
            self._sockets = None

    def http(self) -> "contextlib.AbstractAsyncContextManager[str]":
        """Serve health, metrics and, in HTTP mode, Slack; gives the address."""
        routes = [route(self._app)] if self.config.mode is Mode.HTTP else []
        web = http.application(self.not_ready, self.metrics, routes)
        return http.serving(web, self.config.http.host, self.config.http.port, self.config.where("http", "port"))

    async def not_ready(self) -> Sequence[str]:
        """What is missing, a sentence each."""
        reasons = [] if self._graphs.loaded else ["the graphs are being loaded"]
        if self.config.mode is Mode.SOCKET and (self._sockets is None or not await self._sockets.ready()):
            reasons.append("Slack is not connected")
        try:
            await self.storage.database.check()
        except UnusableRedisError as error:
            reasons.append(str(error))
        return reasons


@contextlib.asynccontextmanager
async def bot(
    config: Config, alter: Callable[[Ports], None] = lambda _: None, lease: timedelta = LEASE
) -> AsyncIterator[Bot]:
    """Everything but listening. Raises FaultsError for what is wrong with the configuration, Redis or Slack.

    After `lease`, others take over the work of a process that died.
    """
    secrets, metrics = config.secrets, Metrics()
    async with (
        storage(config, lease) as kept,
        web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client,
    ):
        identity, people, channels = await _introduced(config, client)
        names = AgentNames(_names(config, kept, identity.team, lease), config)
        graphs = _late_graphs(config, kept)
        ports = Ports(
            approvals=kept.approvals,
            conversations=kept.conversations,
            audit=kept.audit,
            lanes=kept.lanes,
            graphs=graphs,
            roster=(roster := SlackRoster(client, identity.team)),
            chat=SlackChat(client, identity.user, together=together(config)),
        )
        alter(ports)
        desk = Desk(
            approvals=ports.approvals,
            conversations=ports.conversations,
            lanes=ports.lanes,
            graphs=ports.graphs,
            roster=ports.roster,
            clock=ports.clock,
            agents=_agents(config, channels),
            rules=configuration.rules(config, people, channels),
            metrics=metrics,
        )
        outbox = Outbox(
            desk=desk,
            approvals=ports.approvals,
            lanes=ports.lanes,
            graphs=ports.graphs,
            chat=ports.chat,
            clock=ports.clock,
            metrics=metrics,
            ways=Ways(together(config), _unseen(config)),
        )
        handlers = Handlers(
            client=client,
            identity=identity,
            desk=desk,
            chat=ports.chat,
            time_travel=TimeTravels(
                approvals=ports.approvals,
                conversations=ports.conversations,
                audit=ports.audit,
                lanes=ports.lanes,
                graphs=ports.graphs,
                roster=ports.roster,
                clock=ports.clock,
            ),
            help_text=_help(config, channels),
        )
        try:
            app = await build_app(client, handlers, secrets.slack_signing_secret or "")
        except SlackRefused as error:
            raise FaultsError([_slack_fault("SLACK_BOT_TOKEN", error)]) from None
        try:
            async with names.held():
                yield Bot(config, ports, desk, outbox, metrics, kept, names, graphs, app)
        finally:
            await roster.aclose()
            await graphs.aclose()


async def _introduced(
    config: Config, client: "AsyncWebClient"
) -> tuple[Identity, Mapping[str, UserId], Mapping[str, ChannelId]]:
    """Who the bot is, and who and what the names in the configuration are."""
    try:
        identity, people, channels = await asyncio.gather(
            whoami(client),
            directory.people(client, configuration.approver_names(config)),
            directory.channels(client, configuration.channel_names(config)),
        )
    except (SlackRefused, SlackClientError, OSError, TimeoutError) as error:
        raise FaultsError([_slack_fault("SLACK_BOT_TOKEN", error)]) from None
    return identity, people, channels


def _names(config: Config, kept: Storage, team: TeamId, lease: timedelta) -> RedisNames:
    return RedisNames(kept.database, kept.keys, team, uuid4().hex, definitions(config), lease * 3)


def together(config: Config) -> frozenset[AgentName]:
    """The agents that get the answers of parallel interrupts all at once."""
    return frozenset(AgentName(name) for name, agent in config.agents.items() if agent.resume is Resume.TOGETHER)


def _unseen(config: Config) -> frozenset[AgentName]:
    return frozenset(AgentName(name) for name, agent in config.agents.items() if not agent.stream)


def _agents(config: Config, channels: Mapping[str, ChannelId]) -> Agents:
    listening: dict[ChannelId, list[AgentName]] = {}
    for name, agent in config.agents.items():
        for channel in agent.channels:
            if channel in channels:
                listening.setdefault(channels[channel], []).append(name)
    direct = next((name for name, agent in config.agents.items() if agent.direct_messages), None)
    return Agents(listening, direct, {name: agent.description for name, agent in config.agents.items()})


def _help(config: Config, channels: Mapping[str, ChannelId]) -> str:
    """What `/signoff` and the Home tab say; every word of it is the operator's or ours."""
    lines = ["Agents here ask people before they act. To start one, mention me where it listens:"]
    for name, agent in config.agents.items():
        places = [f"<#{channels[channel]}>" for channel in agent.channels if channel in channels]
        places += ["a direct message to me"] if agent.direct_messages else []
        lines.append(f"• *{name}* in {', '.join(places)}{': ' + agent.description if agent.description else ''}")
    return "\n".join(lines)


def _slack_fault(variable: str, error: Exception) -> Fault:
    code = error.code if isinstance(error, SlackRefused) else ""
    if code in ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"):
        return Fault(variable, f"is refused by Slack ({code})", "Copy it again from your app's pages.")
    if code:
        return Fault(variable, str(error), "See https://docs.slack.dev/reference/methods for this code.")
    return Fault("SLACK_API_URL", f"Slack cannot be reached ({type(error).__name__})", "Is there a connection?")


def _graph_fault(config: Config, error: Exception) -> Fault:
    name = next((name for name, agent in config.agents.items() if repr(agent.graph) in str(error)), None)
    where = config.where("agents", name, "graph") if name else str(config.file)
    return Fault(where, str(error).removeprefix("graph: "), "")


# The local workspace, the manifest ------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def local_workspace(port: int, data: Path, people: Path | None = None) -> AsyncIterator[LocalSlack]:
    """A Slack workspace on this machine. Raises PortTakenError, and FaultsError for a wrong folder or roster."""
    try:
        members = local_roster.load(people)
        async with LocalSlack(port=port, data=data, people=members) as slack:
            yield slack
    except AddressInUseError as error:
        raise PortTakenError([Fault("--port", str(error), "")]) from None
    except JournalError as error:
        raise FaultsError([Fault(str(data), str(error), "")]) from None
    except RosterError as error:
        raise FaultsError([Fault(str(people), str(error), "")]) from None


def manifest(url: str | None) -> dict[str, Any]:
    """The app's manifest; `url` is the bot's public address in HTTP mode."""
    address = None if url is None else url.rstrip("/").removesuffix(PATH) + PATH
    return slack_manifest(url=address)


# What `signoff check` asks --------------------------------------------------------------------------------------------


class RealProbes:
    """See `bot.check.Probes`."""

    async def graph(self, spec: str, base: Path) -> Sequence[str]:
        """Load a graph, and see that a checkpointer can be given to it; gives warnings."""
        await asyncio.to_thread(_import_langgraph)
        from langgraph.checkpoint.memory import InMemorySaver

        from adapters.langgraph.agents import AgentSpec
        from adapters.langgraph.local import LocalGraphs

        try:
            graphs = await LocalGraphs.open({AgentName("checked"): AgentSpec(spec, base)}, InMemorySaver())
        except LoadError as error:
            raise UnfitError(str(error).removeprefix("graph: ")) from None
        await graphs.aclose()
        return [*graphs.warnings, *graphs.advice()]

    async def server(self, entry: configuration.ServerEntry) -> Sequence[str]:
        """Reach a LangGraph Server, and see that it has the assistant."""
        from adapters.langgraph.server_calls import Server, ServerRefusedError, called

        try:
            async with called(Server(entry.url, entry.assistant, entry.api_key)) as calls:
                await calls.check()
        except ServerRefusedError as error:
            raise UnfitError(str(error), "See the server's own pages, and the key.") from None
        except Later:
            raise UnfitError(f"{entry.url} cannot be reached", "Is the server up, and is the address right?") from None
        return ()

    async def redis(self, url: str | None, data: Path) -> Sequence[str]:
        """Reach Redis, or start the private one in `data`; gives warnings."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                reached = await stack.enter_async_context(_redis(url, data))
                return await (await stack.enter_async_context(Multiplexed.from_url(reached))).check()
        except (UnusableRedisError, embedded.EmbeddedError) as error:
            fault = _redis_fault(error)
            raise UnfitError(fault.what, fault.mend) from None

    async def slack(self, secrets: Secrets, mode: Mode) -> Workspace:
        """See that the tokens are good."""
        variable = "SLACK_BOT_TOKEN"
        async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
            try:
                identity = await whoami(client)
                variable = "SLACK_APP_TOKEN"
                if mode is Mode.SOCKET:
                    await directory.check_app_token(client, secrets.slack_app_token or "")
            except (SlackRefused, SlackClientError, OSError) as error:
                fault = _slack_fault(variable, error)
                raise UnfitError(fault.what, fault.mend, fault.where) from None
        return Workspace(identity.team_name, identity.name, directory.missing_scopes(identity))

    async def names(self, secrets: Secrets, people: Collection[str], channels: Collection[str]) -> Names:
        """Look up names; leaves out what is not there."""
        async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
            try:
                return await directory.people(client, people), await directory.channels(client, channels)
            except SlackRefused as error:
                fault = _slack_fault("SLACK_BOT_TOKEN", error)
                raise UnfitError(fault.what, fault.mend, fault.where) from None


def probes() -> Probes:
    """What `signoff check` asks of the world."""
    return RealProbes()
