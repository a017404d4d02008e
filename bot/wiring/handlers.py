"""Makes the handlers of all that Slack sends: buttons, forms, messages, commands, Home, time travel, channel events."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.slack.inbound.bolt import build_app
from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.handlers import Handlers
from adapters.slack.workspace.errors import SlackRefused
from bot.config.problems import ProblemsError
from bot.config.settings import Config
from bot.inbound.overview import Overviews
from bot.inbound.time_travel import TimeTravels
from bot.outbound.channels import Channels
from bot.runtime.turns import waited_for
from bot.telemetry import Metrics
from bot.wiring.core import Core
from bot.wiring.ports import Ports
from bot.wiring.slack import Slack, help_text, slack_problem
from bot.wiring.storage import Storage

if TYPE_CHECKING:
    from slack_bolt.app.async_app import AsyncApp


@dataclass(frozen=True, slots=True)
class SlackApp:
    """The Bolt app that takes what Slack sends, and the channels that it watches."""

    app: "AsyncApp"
    channels: Channels


@contextlib.asynccontextmanager
async def slack_app(
    config: Config,
    slack: Slack,
    kept: Storage,
    ports: Ports,
    core: Core,
    metrics: Metrics,
    patience: float,
) -> AsyncIterator[SlackApp]:
    """Make the handlers and the app around them. Raises ProblemsError where Slack refuses the bot's token."""
    commands = _commands(config, slack, kept, ports, core)
    channels = Channels(
        posting=core.posting,
        backlog=ports.backlog,
        approvals=ports.approvals,
        conversations=ports.conversations,
        names=slack.channels,
        metrics=metrics,
        groups_changed=slack.groups.changed,
        person_changed=slack.roster.changed,
    )
    handlers = Handlers(
        client=slack.client,
        identity=slack.identity,
        desk=core.desk,
        chat=ports.chat,
        time_travel=_time_travel(ports, core),
        channels=channels,
        commands=commands,
        patience=patience,
    )
    async with contextlib.aclosing(commands):
        try:
            app = await build_app(slack.client, handlers, config.secrets.slack_signing_secret or "", waited_for)
        except SlackRefused as error:
            raise ProblemsError([slack_problem("SLACK_BOT_TOKEN", error)]) from None
        yield SlackApp(app, channels)


def _commands(config: Config, slack: Slack, kept: Storage, ports: Ports, core: Core) -> Commands:
    overview = Overviews(
        listing=kept.listing,
        grants=ports.grants,
        revoke=core.desk.revoke,
        authority=core.authority,
        clock=ports.clock,
    )
    help_ = help_text(config, slack.channels.ids)
    return Commands(slack.client, core.desk, overview, help_text=help_, base=slack.identity.url)


def _time_travel(ports: Ports, core: Core) -> TimeTravels:
    return TimeTravels(
        approvals=ports.approvals,
        conversations=ports.conversations,
        audit=ports.audit,
        lanes=ports.lanes,
        graphs=ports.graphs,
        roster=ports.roster,
        authority=core.authority,
        rules=core.rules,
        clock=ports.clock,
    )
