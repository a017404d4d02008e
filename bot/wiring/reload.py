"""Puts a new configuration into a running bot: rules, defaults, on-call sources, and the meaning of names."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from adapters.conditions import CelConditions
from bot.checks.rules import misfits
from bot.config.problems import ProblemsError
from bot.config.settings import Config
from bot.oncall.on_call import OnCallSources
from bot.oncall.reloading import OnCallInForce
from bot.outbound.channels import Channels
from bot.rules.channel_names import ChannelNames
from bot.rules.in_force import Rules
from bot.rules.rulebook import Compiled, KnownNames, compiled, rulebook
from bot.runtime.late_graphs import LateGraphs
from bot.runtime.shared_names import SharedNames
from bot.telemetry import Metrics
from bot.wiring.oncall import on_call_sources, oncall_people, shift_sources, warn_of_strangers
from bot.wiring.slack import Slack, introduced
from bot.wiring.storage import Storage
from engine.ports import Clock
from engine.rules.conditions import Name
from engine.rules.routing import Rulebook

log = structlog.get_logger(__name__)


def asks_groups(conditions: Compiled) -> bool:
    """True if a condition asks for the groups of a requester, so that all groups have to be known."""
    return any(Name.REQUESTER_GROUPS in each.names for each in conditions.values())


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a running bot that go by the file."""

    slack: Slack
    kept: Storage
    graphs: LateGraphs
    metrics: Metrics
    clock: Clock
    rules: Rules
    channels: Channels
    on_call: OnCallInForce

    async def prepare(self, config: Config, shared: SharedNames | None) -> "PreparedReload":
        """Prepare a new configuration. Raises ProblemsError; then nothing has changed."""
        conditions = compiled(config, CelConditions())
        await self.graphs.load()
        found = misfits(config, conditions, self.graphs.schemas)
        if found.problems:
            raise ProblemsError(found.problems)
        _, known, channels = await introduced(
            config, self.slack.client, self.kept, all_groups=asks_groups(conditions), shared=shared
        )
        book = rulebook(config, known, conditions)
        for each in found.warnings:
            log.warning("a condition suits some tools only", rule=each)
        warn_of_strangers(config, known.people)
        people = oncall_people(config, self.slack.accounts, known.people)
        async with contextlib.AsyncExitStack() as stack:
            opened = await stack.enter_async_context(shift_sources(config))
            sources = on_call_sources(config, self.kept, opened, people, self.metrics, self.clock)
            return PreparedReload(self, book, known, channels, sources, stack.pop_all().aclose)


@dataclass(slots=True)
class PreparedReload:
    """See `bot.runtime.reload.Prepared`."""

    parts: Parts
    book: Rulebook
    known: KnownNames
    channels: ChannelNames
    sources: OnCallSources
    close: Callable[[], Awaitable[None]]

    def take_effect(self) -> None:
        """Replace the old one."""
        parts = self.parts
        parts.rules.replace(self.book, dict(self.known.groups.ids))
        parts.slack.groups.call(self.known.groups.spelled)
        parts.channels.look_after(self.channels)
        self.close = parts.on_call.replace(self.sources, self.close)

    async def tidy_up(self) -> None:
        """Close the old on-call sources; the new ones where they do not take effect."""
        await self.close()
