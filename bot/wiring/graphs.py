"""Opens the graphs of the configuration: those that run here, and those on a LangGraph Server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import structlog
from redis.exceptions import RedisError

from adapters.langgraph import dialects
from adapters.langgraph.loading.exports import LoadError
from bot.checks.rules import misfits
from bot.config.entries import Agent, ResumeMode
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.settings import Config
from bot.masking import masked
from bot.rules.rulebook import Compiled
from bot.runtime.late_graphs import LateGraphs, OpenGraphs
from bot.wiring.graph_store import graph_store
from bot.wiring.storage import Storage
from engine.ids import AgentName

if TYPE_CHECKING:
    from adapters.langgraph.agents import AgentSpec
    from adapters.langgraph.in_process.graphs import LocalGraphs
    from adapters.langgraph.remote.agents import ServerSpec


log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def late_graphs(config: Config, kept: Storage, conditions: Compiled) -> AsyncIterator[LateGraphs]:
    """The graphs, which are opened when they are loaded or first needed. Opening raises ProblemsError.

    Conditions that do not fit the graphs' tools are a problem, too.
    """

    async def opened() -> OpenGraphs:
        graphs = await _open_graphs(config, kept, stack)
        found = misfits(config, conditions, graphs.schemas)
        for each in found.warnings:
            log.warning("a condition suits some tools only", rule=each)
        if found.problems:
            await graphs.aclose()
            raise ProblemsError(found.problems)
        return graphs

    async with (
        contextlib.AsyncExitStack() as stack,
        contextlib.aclosing(LateGraphs(opened, dialects.problems)) as graphs,
    ):
        yield graphs


def together(config: Config) -> frozenset[AgentName]:
    """The agents that get the answers of parallel interrupts all at once."""
    return frozenset(name for name, agent in config.agents.items() if agent.resume is ResumeMode.TOGETHER)


def unseen(config: Config) -> frozenset[AgentName]:
    """The agents whose words do not appear while they work."""
    return frozenset(name for name, agent in config.agents.items() if not agent.stream)


async def _open_graphs(config: Config, kept: Storage, stack: contextlib.AsyncExitStack) -> OpenGraphs:
    await asyncio.to_thread(import_langgraph)
    from adapters.langgraph.remote.graphs import ServerGraphs
    from adapters.langgraph.routed import RoutedGraphs
    from adapters.redis.checkpointer.saver import AsyncRedisSaver, FencedError
    from adapters.redis.checkpointer.serializer import GuardedSerializer

    serde = GuardedSerializer(secret=config.secrets.slack_bot_token)
    saver = AsyncRedisSaver(kept.database, keys=kept.keys, retention=config.retention, serde=serde)
    local = [name for name, agent in config.agents.items() if agent.graph is not None]
    files: set[str] = set()
    store = await graph_store(config.project, kept.database, kept.keys, stack, files)
    ours = (RedisError, FencedError)
    graphs = await open_local(config, local, saver, store=store, infrastructure=ours, masked=masked, loaded_files=files)
    serde.allow(graphs.types)
    for name, sentences in graphs.unfit_answers.items():
        for each in sentences:
            log.warning("answers in app.yaml do not fit the graph", agent=name, entry=each)
    servers = {name: agent for name, agent in config.agents.items() if agent.server is not None}
    if not servers:
        return graphs
    specs_there = {name: _server_spec(agent) for name, agent in servers.items()}
    remote = await ServerGraphs.open(specs_there, masked=masked)
    return RoutedGraphs(graphs, dict.fromkeys(servers, remote))


async def open_local(config: Config, names: Iterable[AgentName], saver: Any, **more: Any) -> "LocalGraphs":
    """The graphs of these agents, for `run` and for `check`. Raises ProblemsError for what cannot be used."""
    from adapters.langgraph.in_process.graphs import LocalGraphs

    try:
        graphs = await LocalGraphs.open({name: _spec(config, name) for name in names}, saver, **more)
    except LoadError as error:
        raise ProblemsError([load_problem(config, error)]) from None
    problems = [
        ConfigProblem(config.where("agents", name, misfit.key), misfit.what, misfit.fix)
        for name, misfits in graphs.misfits.items()
        for misfit in misfits
    ]
    if problems:
        await graphs.aclose()
        raise ProblemsError(problems)
    return graphs


def load_problem(config: Config, error: LoadError) -> ConfigProblem:
    """Say where in `app.yaml` the agent of a graph that cannot be used stands."""
    where = config.where("agents", error.agent, error.key) if error.agent else str(config.file)
    return ConfigProblem(where, str(error).removeprefix("graph: "), "")


def _spec(config: Config, name: AgentName) -> "AgentSpec":
    from adapters.langgraph.agents import AgentSpec

    agent = config.agents[name]
    return AgentSpec(
        agent.graph or "",
        config.base,
        agent.input,
        agent.reply,
        _answers(agent),
        interrupt_before=agent.interrupt_before,
        interrupt_after=agent.interrupt_after,
        time_limit=agent.time_limit,
        recursion_limit=agent.recursion_limit,
        gate_tools=tuple(config.gates(name)),
        context=agent.context,
        configurable=agent.configurable,
    )


def _server_spec(agent: Agent) -> "ServerSpec":
    from adapters.langgraph.remote.agents import ServerSpec
    from adapters.langgraph.remote.client import Server

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
        context=agent.context,
        configurable=agent.configurable,
    )


def _answers(agent: Agent) -> tuple[dialects.AnswerRule, ...]:
    return tuple(
        dialects.AnswerRule(
            node=entry.when.node,
            payload=entry.when.payload,
            templates={choice: sends.model_dump() for choice, sends in entry.choices.items()},
            ask=entry.ask,
            options={name: sends.model_dump() for name, sends in entry.options.items()},
        )
        for entry in agent.answers
    )


def import_langgraph() -> None:
    """Import LangGraph; run in a thread, since it takes more than a second, in which the bot serves already."""
    import adapters.langgraph.in_process.graphs
    import adapters.redis.checkpointer.saver
    import adapters.redis.graph_store.store  # noqa: F401 - likewise
