"""Puts the parts together: the one place that names concrete adapters.

`bot` is read from top to bottom as the list of what a running bot is made of; the modules beside this one know how
each part is made. A test may hand in `alter`, which gets the ports before they are used, to put something between: a
clock of its own, a store that dies after its third write.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from adapters.conditions import CelConditions
from adapters.redis.lanes.lanes import LEASE
from adapters.redis.stores.agent_names import RedisNames
from adapters.redis.stores.budget import RedisBudget
from adapters.redis.stores.grants import RedisGrants
from adapters.redis.stores.groups import RedisGroupMemory
from adapters.redis.stores.listing import RedisListing
from adapters.redis.transport.connection import UnusableRedisError
from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.handlers import PATIENCE, Handlers, build_app
from adapters.slack.inbound.http import route
from adapters.slack.inbound.socket_mode import Sockets, sockets
from adapters.slack.outbound.chat import CLOCKS_DIFFER, SlackChat
from adapters.slack.workspace.accounts import SlackAccounts
from adapters.slack.workspace.client import web_client
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.groups import SlackGroups
from adapters.slack.workspace.identity import Identity
from adapters.slack.workspace.roster import SlackRoster
from bot import http
from bot.clock import SYSTEM_CLOCK, DemoClock, SystemClock
from bot.config.config import Config, Mode, load
from bot.config.problems import FaultsError
from bot.config.schema import Resume
from bot.graphs import LateGraphs
from bot.inbound.channels import Channels
from bot.inbound.desk import Desk
from bot.inbound.overview import Overviews
from bot.inbound.time_travel import TimeTravels
from bot.names import Names as AgentNames
from bot.names import definitions
from bot.oncall import warmth
from bot.oncall.in_force import OnCallInForce
from bot.outbound.calling import Caller
from bot.outbound.outbox import Outbox, Ways
from bot.outbound.posting import Posting
from bot.reload import Reload
from bot.rules.authority import Authority
from bot.rules.granting import Granting
from bot.rules.in_force import Rules
from bot.rules.rulebook import Known, compiled, rulebook
from bot.telemetry import Metrics
from bot.wiring.graphs import late_graphs
from bot.wiring.oncall import asked_people, on_call_sources, oncall_people, shift_sources, warn_of_strangers
from bot.wiring.probes import probes
from bot.wiring.reload import Parts, asks_groups
from bot.wiring.requester import asked_requester
from bot.wiring.slack import SLACK, help_text, introduced, listening_agents, manifest, slack_fault
from bot.wiring.storage import Storage, storage
from bot.wiring.workspace import PortTakenError, local_workspace
from engine.ids import AgentName, TeamId
from engine.ports import (
    Approvals,
    Audit,
    Backlog,
    Chat,
    Clock,
    Conversations,
    Graphs,
    Groups,
    Lanes,
    OnCall,
    Roster,
)

if TYPE_CHECKING:
    from aiohttp.web import AbstractRouteDef
    from slack_bolt.app.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

__all__ = [
    "Bot", "PortTakenError", "Ports", "Storage", "asked_people", "asked_requester", "bot", "local_workspace",
    "manifest", "probes", "shift_sources", "storage", "together",
]  # fmt: skip


@dataclass(slots=True)
class Ports:
    """Everything that the desk and the outbox stand on."""

    approvals: Approvals
    conversations: Conversations
    audit: Audit
    backlog: Backlog
    lanes: Lanes
    graphs: Graphs
    roster: Roster
    groups: Groups
    on_call: OnCall
    chat: Chat
    clock: Clock = SYSTEM_CLOCK


@dataclass(slots=True)
class Bot:
    """A bot that is put together, and not yet listening."""

    config: Config
    ports: Ports
    desk: Desk
    outbox: Outbox
    posting: Posting
    metrics: Metrics
    storage: Storage
    names: AgentNames
    on_call: OnCallInForce
    reload: Reload
    listing: RedisListing
    _graphs: LateGraphs
    _app: "AsyncApp"
    _sockets: Sockets | None = None

    async def load_graphs(self) -> None:
        """Raises FaultsError for a graph that cannot be used."""
        await self._graphs.load()

    async def serve_lanes(self) -> None:
        """Perform effects until cancelled."""
        await self.ports.lanes.serve(self.outbox.perform, self.outbox.set_aside)

    async def keep_on_call(self) -> None:
        """Keep the sources of who is on call warm until cancelled."""
        await warmth.keep(self.listing, self.on_call)

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
            raise FaultsError([slack_fault("SLACK_APP_TOKEN", error)]) from None
        finally:
            self._sockets = None

    @contextlib.asynccontextmanager
    async def http(self) -> AsyncIterator[str]:
        """Serve health, metrics and, in HTTP mode, Slack; gives the address of Slack's route, else of health."""
        config, health = self.config, http.health_routes(self.not_ready, self.metrics, self.degraded)
        door = [route(self._app)] if config.mode is Mode.HTTP else []
        routes: Mapping[str, Sequence[AbstractRouteDef]] = {
            "http": [*door, *health] if config.health is None else door,
            "health": health,
        }
        async with contextlib.AsyncExitStack() as stack:
            addresses = [
                await stack.enter_async_context(http.serving(routes[key], at.host, at.port, config.where(key, "port")))
                for key, at in config.listeners.items()
            ]
            yield addresses[0]

    def degraded(self) -> Sequence[str]:
        """What is wrong with a bot that is ready all the same, a sentence each."""
        return (*self.reload.degraded(), *self.on_call.failing())

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
    config: Config,
    alter: Callable[[Ports], None] = lambda _: None,
    lease: timedelta = LEASE,
    patience: float = PATIENCE,
    clock: SystemClock | DemoClock = SYSTEM_CLOCK,
    read: Callable[[], Config] | None = None,
) -> AsyncIterator[Bot]:
    """Everything but listening. Raises FaultsError for what is wrong with the configuration, Redis or Slack.

    `read` reads the configuration anew for a reload; it raises FaultsError.
    After `lease`, others take over the work of a process that died. Slack gets its answer within `patience` seconds.
    """
    secrets, metrics = config.secrets, Metrics()
    async with (
        storage(config, lease, clock) as kept,
        web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client,
        shift_sources(config) as sources,
    ):
        conditions = compiled(config, CelConditions())
        identity, known, channels = await introduced(config, client, kept, all_groups=asks_groups(conditions))
        client.pace.keep_to(RedisBudget(kept.database, kept.keys, identity.team))
        names = AgentNames(_names(config, kept, identity.team, lease), config)
        graphs = late_graphs(config, kept, conditions)
        accounts = SlackAccounts(client, identity)
        warn_of_strangers(config, known.people)
        named = oncall_people(config, accounts, known.people)
        on_call = OnCallInForce(on_call_sources(config, kept, sources, named, metrics, clock), clock)
        ports = Ports(
            approvals=kept.approvals,
            conversations=kept.conversations,
            audit=kept.audit,
            backlog=kept.backlog,
            lanes=kept.lanes,
            graphs=graphs,
            roster=(roster := SlackRoster(client, identity)),
            groups=(groups := _groups(client, identity, kept, known, clock)),
            on_call=on_call,
            chat=(
                chat := SlackChat(
                    client, identity.user, client.pace, together=together(config), ahead=clock.ahead or CLOCKS_DIFFER
                )
            ),
            clock=clock,
        )
        alter(ports)
        on_call.keep_to(ports.clock)
        authority = Authority(roster=ports.roster, groups=ports.groups, on_call=ports.on_call, clock=ports.clock)
        rules = Rules(ports.roster, ports.groups, rulebook(config, known, conditions), dict(known.groups.ids))
        listing = RedisListing(kept.database, kept.keys, kept.approvals)
        grants = RedisGrants(kept.database, kept.keys, config.audit_retention)
        desk = Desk(
            approvals=ports.approvals,
            conversations=ports.conversations,
            lanes=ports.lanes,
            graphs=ports.graphs,
            roster=ports.roster,
            authority=authority,
            clock=ports.clock,
            agents=listening_agents(config, channels.ids),
            rules=rules,
            granting=Granting(grants=grants, authority=authority, clock=ports.clock),
            metrics=metrics,
        )
        posting = Posting(backlog=ports.backlog, lanes=ports.lanes, clock=ports.clock, metrics=metrics)
        caller = Caller(
            desk=desk,
            approvals=ports.approvals,
            lanes=ports.lanes,
            authority=authority,
            roster=ports.roster,
            chat=ports.chat,
            clock=ports.clock,
            posting=posting,
        )
        outbox = Outbox(
            desk=desk,
            approvals=ports.approvals,
            lanes=ports.lanes,
            graphs=ports.graphs,
            chat=ports.chat,
            clock=ports.clock,
            metrics=metrics,
            posting=posting,
            caller=caller,
            ways=Ways(together(config), _unseen(config)),
        )
        overview = Overviews(
            listing=listing,
            grants=grants,
            revoke=desk.revoke,
            authority=authority,
            clock=ports.clock,
        )
        commands = Commands(client, desk, overview, help_text=help_text(config, channels.ids), base=identity.url)
        looked_after = Channels(
            posting=posting,
            backlog=ports.backlog,
            approvals=ports.approvals,
            conversations=ports.conversations,
            names=channels,
            metrics=metrics,
            groups_changed=groups.changed,
            person_changed=roster.changed,
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
                authority=authority,
                rules=rules,
                clock=ports.clock,
            ),
            channels=looked_after,
            commands=commands,
            patience=patience,
        )
        parts = Parts(
            client=client,
            kept=kept,
            accounts=accounts,
            graphs=graphs,
            metrics=metrics,
            clock=ports.clock,
            rules=rules,
            groups=groups,
            channels=looked_after,
            on_call=on_call,
        )
        reload = Reload(
            config=config,
            read=read or partial(load, config.file, os.environ),
            prepare=parts.prepare,
            clock=ports.clock,
            metrics=metrics,
        )
        try:
            app = await build_app(client, handlers, secrets.slack_signing_secret or "")
        except SlackRefused as error:
            raise FaultsError([slack_fault("SLACK_BOT_TOKEN", error)]) from None
        try:
            async with names.held():
                yield Bot(
                    config, ports, desk, outbox, posting, metrics, kept, names, on_call, reload, listing, graphs, app
                )
        finally:
            await on_call.aclose()
            await accounts.aclose()
            await commands.aclose()
            await chat.aclose()
            await roster.aclose()
            await groups.aclose()
            await graphs.aclose()


def _groups(
    client: "AsyncWebClient", identity: Identity, kept: Storage, known: Known, clock: SystemClock | DemoClock
) -> SlackGroups:
    memory = _group_memory(kept, identity.team)
    return SlackGroups(client, identity, memory, handles=known.groups.spelled, now=clock.now)


def _names(config: Config, kept: Storage, team: TeamId, lease: timedelta) -> RedisNames:
    return RedisNames(kept.database, kept.keys, team, uuid4().hex, definitions(config), lease * 3)


def _group_memory(kept: Storage, team: TeamId) -> RedisGroupMemory:
    return RedisGroupMemory(kept.database, kept.keys, team)


def together(config: Config) -> frozenset[AgentName]:
    """The agents that get the answers of parallel interrupts all at once."""
    return frozenset(AgentName(name) for name, agent in config.agents.items() if agent.resume is Resume.TOGETHER)


def _unseen(config: Config) -> frozenset[AgentName]:
    return frozenset(AgentName(name) for name, agent in config.agents.items() if not agent.stream)
