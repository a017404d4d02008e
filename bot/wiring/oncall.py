"""Opens the sources of `oncall:`."""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import structlog
from slack_sdk.errors import SlackClientError

from adapters.extras import install_command
from adapters.oncall import ical
from adapters.oncall.client import Client
from adapters.oncall.grafana import Grafana
from adapters.oncall.http_json import HttpJson
from adapters.oncall.incident_io import IncidentIo
from adapters.oncall.pagerduty import PagerDuty
from adapters.oncall.rootly import Rootly
from adapters.oncall.rotation import RotationSource
from adapters.redis.stores.oncall_lookups import RedisLookups
from adapters.slack.workspace import directory
from adapters.slack.workspace.accounts import SlackAccounts
from adapters.slack.workspace.client import SLACK, web_client
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.identity import whoami
from bot.config.names import oncall_names
from bot.config.oncall import (
    GrafanaEntry,
    HttpEntry,
    IcalEntry,
    IncidentIoEntry,
    OnCallEntry,
    PagerDutyEntry,
    RootlyEntry,
    RotationEntry,
    spelled,
)
from bot.config.problems import ProblemsError
from bot.config.settings import Config
from bot.oncall.on_call import OnCallSources
from bot.oncall.people import People
from bot.oncall.reloading import OnCallInForce
from bot.telemetry import Metrics
from bot.wiring.slack import Slack, slack_problem
from bot.wiring.storage import Storage
from engine.oncall.rotation import Rotation
from engine.oncall.shifts import Shifts
from engine.ports import Accounts, Clock, ListedPerson, ShiftSource, SourceFailedError

log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def shift_sources(config: Config) -> AsyncIterator[Mapping[str, ShiftSource]]:
    """Open the sources, by name."""
    async with contextlib.AsyncExitStack() as stack:
        yield {name: await _opened(stack, config, entry) for name, entry in config.oncall.items()}


@contextlib.asynccontextmanager
async def asked_people(config: Config) -> AsyncIterator[People]:
    """Connect to Slack and find the members whom sources mean. Raises ProblemsError."""
    secrets = config.secrets
    async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
        try:
            identity = await whoami(client)
            listed = await directory.people(client, oncall_names(config), identity)
        except (SlackRefused, SlackClientError, OSError, TimeoutError) as error:
            raise ProblemsError([slack_problem("SLACK_BOT_TOKEN", error)]) from None
        accounts = SlackAccounts(client, identity)
        try:
            yield oncall_people(config, accounts, listed)
        finally:
            await accounts.aclose()


def oncall_people(config: Config, accounts: Accounts, listed: Mapping[str, ListedPerson]) -> People:
    """Find the members whom sources mean; `listed` are the people whom Slack knows by their names in the file."""
    mapped = {spelled(name): listed[member].id for name, member in config.people.items() if member in listed}
    return People(accounts, mapped, {name: person.id for name, person in listed.items()})


def warn_of_strangers(config: Config, listed: Mapping[str, ListedPerson]) -> None:
    """Log names in `people:` and the rotations that Slack does not know.

    The bot still starts: people leave, and that is no mistake in the file. `signoff check` reports them.
    """
    for name, where in oncall_names(config).items():
        if name not in listed or listed[name].unable:
            log.warning("this person can never be on call", where=where, name=name)


@contextlib.asynccontextmanager
async def on_call_in_force(
    config: Config, kept: Storage, slack: Slack, metrics: Metrics, clock: Clock
) -> AsyncIterator[OnCallInForce]:
    """The port `OnCall`, which a reload may give other sources."""
    warn_of_strangers(config, slack.known.people)
    people = oncall_people(config, slack.accounts, slack.known.people)
    async with shift_sources(config) as sources:
        on_call = OnCallInForce(on_call_sources(config, kept, sources, people, metrics, clock), clock)
        async with contextlib.aclosing(on_call):
            yield on_call


def on_call_sources(
    config: Config, kept: Storage, sources: Mapping[str, ShiftSource], people: People, metrics: Metrics, clock: Clock
) -> OnCallSources:
    """The port `OnCall`."""
    return OnCallSources(
        sources=sources,
        shared={name: fingerprint(name, entry) for name, entry in config.oncall.items()},
        memory=RedisLookups(kept.database, kept.keys),
        people=people,
        clock=clock,
        metrics=metrics,
    )


def fingerprint(name: str, entry: OnCallEntry) -> str:
    """Fingerprint of a source's definition: processes share answers of the same one only."""
    secrets = {entry.kind: {"token", "headers"}}
    said = f"{name} {entry.model_dump_json(exclude=secrets)}"
    return hashlib.sha256(said.encode()).hexdigest()[:24]


async def _opened(stack: contextlib.AsyncExitStack, config: Config, entry: OnCallEntry) -> ShiftSource:
    match entry.source:
        case PagerDutyEntry() as found:
            headers = {
                "Accept": "application/vnd.pagerduty+json;version=2",
                "Authorization": f"Token token={found.token}",
            }
            client = Client("PagerDuty", found.url, headers, found.networks)
            return PagerDuty(await stack.enter_async_context(client.open()), found.policy, found.schedule, found.tiers)
        case IncidentIoEntry() as found:
            client = Client("incident.io", found.url, _bearer(found.token), found.networks)
            return IncidentIo(await stack.enter_async_context(client.open()), found.schedule)
        case RootlyEntry() as found:
            headers = {"Accept": "application/vnd.api+json", **_bearer(found.token)}
            client = Client("Rootly", found.url, headers, found.networks)
            return Rootly(await stack.enter_async_context(client.open()), found.policy, found.schedule, found.tiers)
        case GrafanaEntry() as found:
            client = Client("Grafana", found.url, _of_grafana(found), found.networks)
            return Grafana(await stack.enter_async_context(client.open()), found.schedule)
        case HttpEntry() as found:
            client = Client(urlsplit(found.url).hostname or "", found.url, found.headers, found.networks)
            return HttpJson(await stack.enter_async_context(client.open()), found.people)
        case IcalEntry() as found:
            return await _calendar(stack, config, found)
        case RotationEntry() as found:
            return RotationSource(Rotation(ZoneInfo(found.zone), found.starts, found.every, found.people))
    raise AssertionError("an entry of oncall: has a source")


async def _calendar(stack: contextlib.AsyncExitStack, config: Config, entry: IcalEntry) -> ShiftSource:
    if not ical.is_installed():
        what = "The calendar needs packages that are not installed."
        return Missing(f"{what} Run: {install_command('ical')}")
    if entry.url is None:
        return ical.ICalendar(ical.reader_of_file(config.base / (entry.file or "")), entry.zone)
    client = await stack.enter_async_context(Client("The calendar", entry.url, networks=entry.networks).open())
    return ical.ICalendar(client.get, entry.zone)


@dataclass(frozen=True, slots=True)
class Missing:
    """A source whose packages are not installed. `why` is a sentence."""

    why: str

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Say so. Raises SourceFailedError."""
        del at, now
        raise SourceFailedError(self.why)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _of_grafana(entry: GrafanaEntry) -> dict[str, str]:
    """The headers for Grafana: a service-account token works for the stack that the header names."""
    parts = urlsplit(entry.url)
    stack = entry.stack or (f"{parts.scheme}://{parts.netloc}" if entry.token.startswith("glsa_") else None)
    return {**_bearer(entry.token), **({"X-Grafana-URL": stack} if stack else {})}
