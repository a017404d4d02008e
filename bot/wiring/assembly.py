"""The parts list of a running bot.

A test may hand in `alter`, which gets the ports before they are used, to put something in between: a clock of its own,
a store that dies after its third write.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial

from adapters.conditions import CelConditions
from adapters.redis.lanes.lanes import LEASE
from adapters.slack.inbound.socket_mode import CONNECTIONS
from adapters.slack.inbound.telling import PATIENCE
from bot.config.load import load
from bot.config.settings import Config
from bot.outbound.graph_runs import RunOptions
from bot.rules.in_force import Rules
from bot.rules.rulebook import compiled, rulebook
from bot.runtime.clock import SYSTEM_CLOCK, DemoClock, SystemClock
from bot.runtime.pending import PendingGauges
from bot.runtime.reload import Read, Reload
from bot.runtime.shared_names import SharedNames
from bot.telemetry import Metrics
from bot.wiring.core import core
from bot.wiring.graphs import late_graphs, together, unseen
from bot.wiring.handlers import slack_app
from bot.wiring.names import agent_names
from bot.wiring.oncall import on_call_in_force
from bot.wiring.ports import Ports
from bot.wiring.reload import Parts, asks_groups
from bot.wiring.running import Bot
from bot.wiring.slack import connected, listening_agents
from bot.wiring.storage import storage


@contextlib.asynccontextmanager
async def bot(
    config: Config,
    alter: Callable[[Ports], None] = lambda _: None,
    lease: timedelta = LEASE,
    patience: float = PATIENCE,
    clock: SystemClock | DemoClock = SYSTEM_CLOCK,
    read: Read | None = None,
    connections: int = CONNECTIONS,
    shared: SharedNames | None = None,
) -> AsyncIterator[Bot]:
    """Put the parts of a bot together. Raises ProblemsError for problems with the configuration, Redis or Slack.

    `read` reads the configuration again for a reload; it raises ProblemsError. By Socket Mode it opens so many
    `connections`. `shared` are the names that a worker beside it has looked up.
    After `lease`, others take over the work of a process that died. Slack gets its answer within `patience` seconds.
    """
    metrics, conditions = Metrics(), compiled(config, CelConditions())
    async with (
        storage(config, lease, clock) as kept,
        connected(
            config, kept, clock, all_groups=asks_groups(conditions), together=together(config), shared=shared
        ) as slack,
        late_graphs(config, kept, conditions) as graphs,
        on_call_in_force(config, kept, slack, metrics, clock) as on_call,
    ):
        ports = Ports(
            approvals=kept.approvals,
            conversations=kept.conversations,
            audit=kept.audit,
            backlog=kept.backlog,
            grants=kept.grants,
            lanes=kept.lanes,
            graphs=graphs,
            roster=slack.roster,
            groups=slack.groups,
            on_call=on_call,
            chat=slack.chat,
            clock=clock,
        )
        alter(ports)
        on_call.keep_to(ports.clock)
        book, agents = rulebook(config, slack.known, conditions), listening_agents(config, slack.channels.ids)
        rules = Rules(ports.roster, ports.groups, book, dict(slack.known.groups.ids))
        made = core(ports, rules, agents, metrics, RunOptions(together(config), unseen(config)))
        async with (
            slack_app(config, slack, kept, ports, made, metrics, patience) as handlers,
            agent_names(config, kept, slack.identity.team, lease) as names,
        ):
            parts = Parts(slack, kept, graphs, metrics, ports.clock, rules, handlers.channels, on_call)
            reload = Reload(
                config=config,
                read=read or partial(load, config.file, os.environ),
                prepare=parts.prepare,
                clock=ports.clock,
                metrics=metrics,
            )
            gauges = PendingGauges(listing=kept.listing, agents=config.agents, clock=ports.clock, metrics=metrics)
            yield Bot(
                config,
                ports,
                made,
                metrics,
                kept,
                names,
                on_call,
                reload,
                connections,
                graphs,
                handlers.app,
                gauges,
            )
