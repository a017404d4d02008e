"""Routes a hypothetical request: for `signoff explain` and `signoff policy test`.

It is routed like a real one (`engine.rules.routing`), but the rules keep the file's names in place of Slack's ids.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TypeAlias

from bot.config.settings import Config
from bot.rules.rulebook import Compiled, by_names, unasked
from engine.approvals.approval import Place
from engine.asks.ask import Action, Ask, Choice, Json, Kind
from engine.conversation import Conversation
from engine.ids import AgentName, ChannelId, TeamId, ThreadId, UserId
from engine.rules.conditions import Circumstances, Verdict
from engine.rules.routing import Route, Rule, Rulebook, route
from engine.rules.tool_names import match
from engine.sources import Origin, Source

DIRECT = "dm"
"""Stands for a direct message with the bot."""
_A_DIRECT_MESSAGE = re.compile(r"D[A-Z0-9]{6,}")


@dataclass(frozen=True, slots=True)
class Requester:
    """The person who asks. None means unknown; `groups` are the handles of their groups."""

    user: UserId
    groups: frozenset[str] | None = None
    guest: bool | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request that might be made. Without a tool it is a step of the graph's own that asks for approval."""

    agent: AgentName
    at: datetime
    channel: str
    by: Requester
    tool: str | None = None
    args: Json = field(default_factory=dict)
    question: bool = False

    @property
    def direct(self) -> bool:
        """True if it is made in a direct message."""
        return self.channel == DIRECT or _A_DIRECT_MESSAGE.fullmatch(self.channel) is not None

    @property
    def ask(self) -> Ask:
        """The request as a graph would ask it."""
        kind = Kind.QUESTION if self.question else Kind.APPROVAL if self.tool is None else Kind.TOOL_CALL
        action = Action(self.tool or "", self.args, (Choice.APPROVE, Choice.EDIT, Choice.REJECT))
        return Ask("", kind, "", (action,), self.args)

    @property
    def circumstances(self) -> Circumstances:
        """The variables of conditions."""
        channel = ChannelId(self.channel)
        return Circumstances(self.agent, channel, self.by.user, self.at, self.by.groups, self.by.guest)


def home_of(config: Config, agent: AgentName) -> str:
    """The place of a request where nothing else is said: the agent's first channel."""
    return next(iter(config.agents[agent].channels), DIRECT)


def book_of(config: Config, conditions: Compiled) -> Rulebook:
    """The rules, by the names of the file. Raises ConfigError for quorums that nobody could reach."""
    return by_names(config, unasked(config), conditions)


def routed(request: Request, book: Rulebook) -> Route:
    """The decision that a request would get."""
    place = Place(TeamId(""), ChannelId(request.channel))
    talk = Conversation(ThreadId(""), request.agent, request.by.user, place, request.direct, request.at)
    return route(request.ask, talk, book, request.circumstances)


Judged: TypeAlias = tuple[Rule, Verdict, str]
"""A rule, whether it matches, and why."""


def judged(request: Request, book: Rulebook) -> Iterator[Judged]:
    """Each rule in its order, with whether it matches and why."""
    ask = request.ask
    (action,) = ask.actions
    for rule in book.rules:
        found = rule.matches(ask, action, action.value, request.circumstances)
        match found.verdict:
            case Verdict.HOLDS:
                yield rule, found.verdict, _holds(rule)
            case Verdict.UNKNOWN:
                yield rule, found.verdict, f"counts as matched, since nobody can tell: {found.why.rstrip('.')}"
            case _:
                yield rule, found.verdict, _why_not(rule, request)


def _holds(rule: Rule) -> str:
    return f"matches, its condition holds: {rule.condition.text}" if rule.condition else "matches"


def _why_not(rule: Rule, request: Request) -> str:
    if rule.question != request.question:
        return "for questions only" if rule.question else "not for questions"
    if rule.agent is not None and not fnmatchcase(request.agent, rule.agent):
        return f'for the agent "{rule.agent}"'
    if rule.tool is not None and (request.tool is None or match(rule.tool, request.tool) is Verdict.FAILS):
        return f'for the tool "{rule.tool}"'
    return f"its condition is false: {rule.condition.text}" if rule.condition else "does not match"


# In words -------------------------------------------------------------------------------------------------------------


def source_in_words(source: Source) -> str:
    """`@sre`."""
    match source.origin:
        case Origin.GROUP:
            return f"@{source.label}"
        case Origin.ON_CALL:
            return f"on call {source.name}"
        case Origin.CHANNEL:
            return "members of the channel"
        case Origin.REQUESTER:
            return "the requester"
        case _:
            return source.name
