"""An agent whose graph runs on a LangGraph Server: its entry in `app.yaml`, and the nodes of its graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.langgraph import config_keys as keys
from adapters.langgraph.dialects import AnswerRule
from adapters.langgraph.messages.inputs import DEFAULT_INPUT, names_people, of_run
from adapters.langgraph.messages.replies import DEFAULT, Replies
from adapters.langgraph.remote.client import Server, ServerClient, ServerRefusedError
from adapters.langgraph.sentences import not_set_up
from engine.ids import AgentName, ThreadId


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """One entry of `agents:` with `server:`. See `adapters.langgraph.agents.AgentSpec` for the fields they share."""

    server: Server
    input: Any = field(default_factory=lambda: DEFAULT_INPUT)
    reply: str = DEFAULT
    answers: tuple[AnswerRule, ...] = ()
    interrupt_before: tuple[str, ...] = ()
    interrupt_after: tuple[str, ...] = ()
    time_limit: timedelta | None = None
    recursion_limit: int | None = None
    context: Mapping[str, Any] | None = field(default=None, repr=False)
    configurable: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class ServerAgent:
    """An agent and its client. The server is asked about the graph when the agent is first used."""

    spec: ServerSpec
    client: ServerClient
    replies: Replies
    version: str = ""
    """The assistant and its version; "" until the server was asked."""
    breakpoints: frozenset[str] = frozenset()
    """The nodes with a breakpoint before or after them."""
    tool_nodes: frozenset[str] = frozenset()
    """The nodes that run tools."""

    @classmethod
    def of(cls, spec: ServerSpec) -> "ServerAgent":
        """Make an agent without calling its server. Raises ValueError for a `reply` that is not JMESPath."""
        return cls(spec, ServerClient(spec.server), Replies(spec.reply, people_have_names=names_people(spec.input)))

    async def ask_server(self) -> None:
        """Ask the server about the graph, once. Raises ServerRefusedError, and Later while it cannot be reached."""
        if self.version:
            return
        version = await self.client.check()
        own = {*self.spec.interrupt_before, *self.spec.interrupt_after}
        nodes = await self.client.nodes()
        nodes.check_breakpoints(own)
        self.breakpoints, self.tool_nodes = frozenset(own) | nodes.breakpoints, nodes.tools
        self.version = version

    def options_of_run(self, thread: ThreadId, key: str, user: str) -> dict[str, Any]:
        """The config and the breakpoints of a run; `key` is its idempotency key for tools, `user` the requester.

        A server refuses `context` beside `configurable`. It makes the context of the keys of `configurable` that the
        graph's schema knows, so both go there.
        """
        given = of_run({**self.spec.configurable, **(self.spec.context or {})}, user, thread)
        configurable = {**given, keys.IDEMPOTENCY_KEY: key, **({keys.USER: user} if user else {})}
        limit = self.spec.recursion_limit
        return {
            "config": {"configurable": configurable, **({"recursion_limit": limit} if limit else {})},
            "interrupt_before": list(self.spec.interrupt_before) or None,
            "interrupt_after": list(self.spec.interrupt_after) or None,
        }


async def agent_of(agents: Mapping[AgentName, ServerAgent], name: AgentName) -> ServerAgent:
    """Find an agent whose server was asked. Raises ServerRefusedError, and Later while it cannot be reached."""
    if name not in agents:
        raise ServerRefusedError(not_set_up(name))
    await agents[name].ask_server()
    return agents[name]
