"""A bot whose parts are put together: it listens to Slack, serves its lanes and HTTP, and knows whether it is ready."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.langgraph.loading.exports import LoadError
from adapters.redis.transport.errors import UnusableRedisError
from adapters.slack.inbound.http import route
from adapters.slack.inbound.socket_mode import Sockets, sockets
from adapters.slack.workspace.errors import SlackRefused
from bot.config.entries import Mode
from bot.config.problems import ProblemsError
from bot.config.settings import Config
from bot.oncall import warmth
from bot.oncall.reloading import OnCallInForce
from bot.runtime import http
from bot.runtime.agent_names import AgentNames
from bot.runtime.http import Crew
from bot.runtime.late_graphs import LateGraphs
from bot.runtime.pending import PendingGauges
from bot.runtime.readiness import Readiness
from bot.runtime.reload import Reload
from bot.telemetry import Metrics
from bot.wiring.core import Core
from bot.wiring.graphs import load_problem
from bot.wiring.ports import Ports
from bot.wiring.slack import slack_problem
from bot.wiring.storage import Storage

if TYPE_CHECKING:
    from aiohttp.web import AbstractRouteDef
    from slack_bolt.app.async_app import AsyncApp


@dataclass(slots=True)
class Bot:
    """A bot that is put together, and not yet listening."""

    config: Config
    ports: Ports
    core: Core
    metrics: Metrics
    storage: Storage
    names: AgentNames
    on_call: OnCallInForce
    reload: Reload
    connections: int
    """To Slack, by Socket Mode."""
    _graphs: LateGraphs
    _app: "AsyncApp"
    _gauges: PendingGauges
    _sockets: Sockets | None = None

    async def load_graphs(self) -> None:
        """Raises ProblemsError for a graph that cannot be used."""
        await self._graphs.load()

    async def keep_graphs(self) -> None:
        """Load the graphs, and wait until they are closed. Raises ProblemsError, too, if what one keeps open fails."""
        try:
            await self._graphs.keep()
        except LoadError as error:
            raise ProblemsError([load_problem(self.config, error)]) from None

    async def serve_lanes(self) -> None:
        """Perform effects until cancelled."""
        await self.ports.lanes.serve(self.core.outbox.perform, self.core.outbox.set_aside)

    async def keep_on_call(self) -> None:
        """Keep the on-call sources warm until cancelled."""
        await warmth.keep(self.storage.listing, self.on_call)

    def drain(self) -> None:
        """Ask graph runs to rest at their next step."""
        self._graphs.drain()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen to Slack by Socket Mode; in HTTP mode `http` does. Raises ProblemsError."""
        if not self._has_sockets:
            yield
            return
        token = self.config.secrets.slack_app_token or ""
        try:
            async with sockets(self._app, token, self.connections) as opened:
                self._sockets = opened
                yield
        except SlackRefused as error:
            raise ProblemsError([slack_problem("SLACK_APP_TOKEN", error)]) from None
        finally:
            self._sockets = None

    @contextlib.asynccontextmanager
    async def http(self, crew: Crew | None = None) -> AsyncIterator[str]:
        """Serve health, metrics and, in HTTP mode, Slack; gives the address of Slack's route, else of health.

        With a `crew`, health and metrics are those of all workers, and its sockets are served.
        """
        config = self.config
        look, exposition = (crew.readiness, crew.exposition) if crew else (self.readiness, self.exposition)
        health = http.health_routes(look, exposition)
        door = [route(self._app)] if config.mode is Mode.HTTP else []
        routes: Mapping[str, Sequence[AbstractRouteDef]] = {
            "http": [*door, *health] if config.health is None else door,
            "health": health,
        }
        async with contextlib.AsyncExitStack() as stack:
            addresses = [
                await stack.enter_async_context(
                    http.serving(
                        routes[key],
                        at.host,
                        at.port,
                        config.where(key, "port"),
                        crew.listeners[key] if crew else (),
                    )
                )
                for key, at in config.listeners.items()
            ]
            yield addresses[0]

    async def exposition(self) -> bytes:
        """The metrics of this process, with what waits in Redis."""
        await self.count_waiting()
        return self.metrics.text()

    async def count_waiting(self) -> None:
        """Count in the metrics what waits for people, in Redis."""
        await self._gauges.refresh()

    @property
    def hears_slack(self) -> bool:
        """True if Slack can deliver to this process."""
        return self.config.mode is Mode.HTTP or self._has_sockets

    @property
    def _has_sockets(self) -> bool:
        return self.config.mode is Mode.SOCKET and self.connections > 0

    async def readiness(self) -> Readiness:
        """Whether it serves, and what is wrong with it."""
        reasons = [] if self._graphs.loaded else ["the graphs are being loaded"]
        if self._has_sockets and (self._sockets is None or not await self._sockets.ready()):
            reasons.append("Slack is not connected")
        failing: Sequence[str] = ()
        try:
            failing = await self.storage.database.failing()
        except UnusableRedisError as error:
            reasons.append(str(error))
        return Readiness(reasons, (*failing, *self.degraded()))

    def degraded(self) -> Sequence[str]:
        """Problems of a bot that is ready all the same, a sentence each; those of Redis are left out."""
        return (*self.reload.degraded(), *self.on_call.failing())

    async def not_ready(self) -> Sequence[str]:
        """The reasons for not being ready, a sentence each."""
        return (await self.readiness()).missing
