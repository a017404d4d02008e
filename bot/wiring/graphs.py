"""The graphs of the configuration: those that run here, and those on a LangGraph Server."""

import asyncio
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from adapters.langgraph import dialects
from adapters.langgraph.loading import LoadError
from bot import config as configuration
from bot.config import Config
from bot.faults import Fault, FaultsError
from bot.graphs import LateGraphs, OpenGraphs
from bot.masking import masked
from bot.wiring.storage import Storage

if TYPE_CHECKING:
    from adapters.langgraph.server import ServerSpec


def late_graphs(config: Config, kept: Storage) -> LateGraphs:
    """All graphs, which are opened when they are loaded or first needed. Opening raises FaultsError."""

    async def opened() -> OpenGraphs:
        try:
            return await _open_graphs(config, kept)
        except LoadError as error:
            raise FaultsError([_graph_fault(config, error)]) from None

    return LateGraphs(opened, dialects.problems)


async def _open_graphs(config: Config, kept: Storage) -> OpenGraphs:
    await asyncio.to_thread(import_langgraph)
    from adapters.langgraph.agents import AgentSpec
    from adapters.langgraph.local import LocalGraphs
    from adapters.langgraph.routed import RoutedGraphs
    from adapters.langgraph.server import ServerGraphs
    from adapters.redis.saver import AsyncRedisSaver, FencedError
    from adapters.redis.serializer import GuardedSerializer

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
    serde = GuardedSerializer(secret=config.secrets.slack_bot_token)
    saver = AsyncRedisSaver(kept.database, keys=kept.keys, retention=config.retention, serde=serde)
    graphs = await LocalGraphs.open(specs, saver, infrastructure=(RedisError, FencedError), masked=masked)
    serde.allow(graphs.types)
    servers = {name: agent for name, agent in config.agents.items() if agent.server is not None}
    if not servers:
        return graphs
    specs_there = {name: _server_spec(agent) for name, agent in servers.items()}
    remote = await ServerGraphs.open(specs_there, masked=masked)
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


def import_langgraph() -> None:
    """In a thread: it takes more than a second, in which the bot serves already."""
    import adapters.langgraph.local
    import adapters.redis.saver  # noqa: F401 - likewise


def _graph_fault(config: Config, error: Exception) -> Fault:
    name = next((name for name, agent in config.agents.items() if repr(agent.graph) in str(error)), None)
    where = config.where("agents", name, "graph") if name else str(config.file)
    return Fault(where, str(error).removeprefix("graph: "), "")
