"""Entries of `oncall:` in `app.yaml`: sources of who is on call, each with its own keys.

Only the entries are checked here. `signoff check` asks whether a service answers and whether Slack knows the people: a
bot has to start also while a service is down.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from bot.config.file import Document
from bot.config.problems import ConfigProblem, suggestion
from bot.config.values import AGENT_NAME, Given, Number, Strict, expression, spelled_as, wrong
from engine.addresses import is_loopback

T = TypeVar("T")

_STARTS = "Write the wall clock of the zone: 2026-11-30T09:00."
_LONGEST = timedelta(days=3650)
_HEADER = re.compile(r"[\x21-\x7e]+(?:[ \t]+[\x21-\x7e]+)*")


# Values ---------------------------------------------------------------------------------------------------------------


def _address(value: str) -> str:
    """Check an address: encrypted, or on this machine."""
    text = re.sub("^webcals?://", "https://", value.strip(), flags=re.IGNORECASE)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", text):
        raise wrong("{shown} is not an address", "Write https://HOST/PATH.")
    if parts.scheme == "http" and not is_loopback(host):
        raise wrong("{shown} is not encrypted, and plain http is for this machine only", "Write https://.")
    return text


def _secret(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise wrong("this cannot be sent in a header of HTTP", "Copy it again, without line breaks.")
    return value


def _identifier(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):  # YAML takes some ids for numbers
        return str(value)
    if isinstance(value, str) and not value.strip():
        raise wrong("is empty", "Copy the id from the service.")
    return value


def _network(value: object) -> object:
    try:
        return ip_network(str(value), strict=False)
    except ValueError:
        raise wrong("{shown} is not a network", "Write 10.20.0.0/16, or one address.") from None


def time_zone(value: str) -> str:
    """A zone's name. Raises an error with our own words."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong("{shown} is not a time zone", suggestion(value, available_timezones(), "")) from None
    return value


def _starts(value: object) -> datetime:
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise wrong("{shown} is not a date with a time", _STARTS) from None
    if found.tzinfo is not None:
        raise wrong("this has an offset, and a rotation goes by the wall clock of its zone", _STARTS)
    return found


def _every(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([1-9]\d{0,3})([dw])", value.strip(), re.ASCII) if isinstance(value, str) else None
    if match is None:
        raise wrong("{shown} is not a number of days or weeks", "Write 1d, 1w or 2w.")
    length = int(match[1]) * timedelta(**{"d": {"days": 1}, "w": {"weeks": 1}}[match[2]])
    if length > _LONGEST:
        raise wrong("{shown} is too long", "Write at most 3650d.")
    return length


def _name(value: str) -> str:
    if not value.strip():
        raise wrong("is empty", "Write a member's name, e-mail address or Slack id, such as alice.")
    return value.strip().removeprefix("@")


def _some(values: tuple[T, ...]) -> tuple[T, ...]:
    if not values:  # pydantic's own limit would report an invalid item as well
        raise wrong("is empty", "Name at least one.")
    return values


Address = Annotated[
    str,
    AfterValidator(_address),
    spelled_as(r"\s*([Hh][Tt][Tt][Pp][Ss]?|[Ww][Ee][Bb][Cc][Aa][Ll][Ss]?)://\S+\s*", "https://oncall.example.com/now"),
]
Secret = Annotated[str, AfterValidator(_secret), Field(examples=["${ONCALL_TOKEN}"])]
Identifier = Annotated[
    str,
    BeforeValidator(
        _identifier, json_schema_input_type=Annotated[str, Field(min_length=1, examples=["P123ABC"])] | int
    ),
]
Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network, json_schema_input_type=Annotated[str, Field(examples=["10.20.0.0/16"])] | int),
]
Zone = Annotated[str, AfterValidator(time_zone), Field(examples=["Europe/Berlin"])]
Tiers = Annotated[
    tuple[Annotated[Number, Field(ge=1, examples=[1])], ...],
    AfterValidator(_some),
    Field(json_schema_extra={"minItems": 1}),
]
Names = Annotated[
    tuple[Annotated[str, AfterValidator(_name), Field(examples=["alice", "bob"])], ...],
    AfterValidator(_some),
    Field(json_schema_extra={"minItems": 1}),
]
_StartsText: TypeAlias = Annotated[str, spelled_as(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?", "2026-11-30T09:00")]
_EveryText: TypeAlias = Annotated[str, spelled_as(r"[1-9]\d{0,3}[dw]", "1d", "1w", "2w")]


# Entries --------------------------------------------------------------------------------------------------------------


class _Web(Strict):
    """A source that is called over the network. `networks` names private addresses that its host may have."""

    networks: tuple[Network, ...] = ()
    """Private networks in which the source's host may be; by default it has to be public."""


class _OfPolicy(_Web):
    """An escalation policy or a schedule, and the tiers whose people may decide."""

    policy: Given[Identifier] = None
    """The id of an escalation policy."""
    schedule: Given[Identifier] = None
    """The id of a schedule, in place of a policy."""
    tiers: Tiers = (1,)
    """The tiers of the policy whose people may decide; 1 is called first."""
    token: Secret = Field(repr=False)
    """The key of the service's API."""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.policy is None and self.schedule is None:
            raise wrong("is missing", "Add policy: or schedule:, with its id.", "policy")
        if self.policy is not None and self.schedule is not None:
            raise wrong("an escalation policy is named already", "Keep policy or schedule.", "schedule")
        return self


class PagerDutyEntry(_OfPolicy):
    """PagerDuty; in the EU `url` is https://api.eu.pagerduty.com."""

    url: Address = "https://api.pagerduty.com"
    """The address of the API."""


class RootlyEntry(_OfPolicy):
    """Rootly."""

    url: Address = "https://api.rootly.com"
    """The address of the API."""


class IncidentIoEntry(_Web):
    """incident.io."""

    schedule: Identifier
    """The id of a schedule."""
    token: Secret = Field(repr=False)
    """The key of the service's API."""
    url: Address = "https://api.incident.io"
    """The address of the API."""


class GrafanaEntry(_Web):
    """Grafana Cloud IRM. The address is the stack's own; `stack` is that of its pages, for service-account tokens."""

    schedule: Identifier
    """The id of a schedule."""
    token: Secret = Field(repr=False)
    """The key of the service's API."""
    url: Address
    """The address of the on-call API of your own stack."""
    stack: Given[Address] = None
    """The address of the stack's pages; needed for the token of a service account."""


class HttpEntry(_Web):
    """An address that answers with JSON, and a JMESPath expression that picks the people."""

    url: Address = Field(repr=False)
    """The address that is asked."""
    headers: dict[str, Secret] = Field(default={}, repr=False, examples=[{"Authorization": "Bearer ${ONCALL_TOKEN}"}])
    """Headers of the request, such as Authorization."""
    people: Annotated[
        str, AfterValidator(partial(expression, fix="See https://jmespath.org.")), Field(examples=["oncall[].email"])
    ]
    """JMESPath that picks the names or e-mail addresses out of the JSON."""

    @model_validator(mode="after")
    def _headers_are_named(self) -> Self:
        for name in self.headers:
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise wrong("this is not the name of a header", "Write Authorization, for example.", "headers", name)
        return self


class IcalEntry(_Web):
    """A calendar in iCalendar. Its address is usually a secret."""

    url: Given[Address] = Field(default=None, repr=False)
    """The address of the calendar."""
    file: Given[Identifier] = Field(default=None, examples=["oncall.ics"])
    """A calendar file beside app.yaml, in place of an address."""
    zone: Given[Zone] = None
    """The time zone of events that name none."""

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if self.url is None and self.file is None:
            raise wrong("is missing", "Add url: or file:.", "url")
        if self.url is not None and self.file is not None:
            raise wrong("an address is named already", "Keep url or file.", "file")
        return self


class RotationEntry(Strict):
    """People who take turns by the wall clock of a zone."""

    zone: Zone
    """The time zone by whose clock turns change."""
    starts: Annotated[datetime, BeforeValidator(_starts, json_schema_input_type=_StartsText)]
    """The day and time at which the first person's turn begins, by the clock of the zone."""
    every: Annotated[timedelta, BeforeValidator(_every, json_schema_input_type=_EveryText)]
    """The length of a turn."""
    people: Names
    """The people, in the order of their turns."""


class OnCallEntry(Strict):
    """One entry of `oncall:`: a source, and just one."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    pagerduty: Given[PagerDutyEntry] = Field(
        default=None, examples=[{"policy": "P123ABC", "token": "${PAGERDUTY_TOKEN}"}]
    )
    """An escalation policy or a schedule of PagerDuty."""
    incident_io: Given[IncidentIoEntry] = Field(
        default=None, examples=[{"schedule": "01ABC", "token": "${INCIDENT_IO_TOKEN}"}]
    )
    """A schedule of incident.io."""
    rootly: Given[RootlyEntry] = Field(default=None, examples=[{"schedule": "3f1c0e", "token": "${ROOTLY_TOKEN}"}])
    """An escalation policy or a schedule of Rootly."""
    grafana: Given[GrafanaEntry] = Field(
        default=None,
        examples=[{"schedule": "SBM7DV7BKFUYU", "token": "${GRAFANA_TOKEN}", "url": "https://oncall.example.com"}],
    )
    """A schedule of Grafana Cloud IRM."""
    http: Given[HttpEntry] = Field(
        default=None, examples=[{"url": "https://oncall.example.com/now", "people": "oncall[].email"}]
    )
    """Any address that answers with JSON."""
    ical: Given[IcalEntry] = Field(default=None, examples=[{"url": "https://calendar.example.com/oncall.ics"}])
    """A calendar in iCalendar. Needs the extra `ical`."""
    rotation: Given[RotationEntry] = Field(
        default=None,
        examples=[{"zone": "Europe/Berlin", "starts": "2026-11-30T09:00", "every": "1w", "people": ["alice", "bob"]}],
    )
    """People who take turns, written here."""

    @property
    def kind(self) -> str:
        """The key of its source."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def source(self) -> Any:
        """The entry behind that key."""
        return getattr(self, self.kind)

    @property
    def secret_values(self) -> tuple[str | None, ...]:
        """Values that must never be shown. An address may hold a key in its path or query."""
        source = self.source
        address = source.url if isinstance(source, IcalEntry | HttpEntry) else None
        headers = source.headers.values() if isinstance(source, HttpEntry) else ()
        return (getattr(source, "token", None), address, *headers)

    @model_validator(mode="after")
    def _is_one_source(self) -> Self:
        named = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if not named:
            raise wrong("names no source", f"Write one of {', '.join(type(self).model_fields)}.")
        if len(named) > 1:
            raise wrong(f"{named[0]} is the source already", "Give each source a name of its own.", named[1])
        return self


# Between them ---------------------------------------------------------------------------------------------------------


def name_problem(document: Document, name: str) -> ConfigProblem | None:
    """The problem with the name of a source, if there is one."""
    if AGENT_NAME.fullmatch(name):
        return None
    return ConfigProblem(
        document.where(("oncall", name)), f'"{name}" is not a name', "Use letters, digits, - and _, at most 64."
    )


def people_problems(document: Document, names: object) -> Iterator[ConfigProblem]:
    """Keys of `people:` that are the same name, since case does not count."""
    first: dict[str, str] = {}
    for name in names if isinstance(names, dict) else ():
        other = first.setdefault(spelled(name), name)
        if other != name:
            yield ConfigProblem(document.where(("people", name)), f'"{other}" is the same name', "Keep one of the two.")


def spelled(name: str) -> str:
    """A name or an e-mail address as it is compared: case and blanks around it do not count."""
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()
