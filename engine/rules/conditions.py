"""Conditions of rules (`if:` in `app.yaml`), as routing sees them.

A condition holds, fails, or cannot be known: an argument is missing, a number is not finite, a person's groups could
not be read. What cannot be known ends the matching of rules and asks a person: the rule counts as matched, decides
nothing by itself, and where it names no approvers, the next rule that names some does. It never falls through to a rule
that decides automatically. The same goes for a tool whose name only looks like the one that a rule names: see
`engine.rules.tool_names`.

A condition is a pure function of an action and of what is known about who asked for it; `adapters.conditions` compiles
it when the file is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from engine.asks.ask import Json
from engine.ids import AgentName, ChannelId, UserId


class Verdict(StrEnum):
    """Whether a rule applies."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"
    """Nobody can tell: a person has to look."""


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Whether everything that a rule asks for holds: one part that fails is enough to know that it does not apply."""
    found = frozenset(verdicts)
    if Verdict.FAILS in found:
        return Verdict.FAILS
    return Verdict.UNKNOWN if Verdict.UNKNOWN in found else Verdict.HOLDS


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict; `why` says in one sentence for people what kept a condition from being known, "" for the others.

    It quotes no value of an argument, but may name one that the agent made up: it is untrusted.
    """

    verdict: Verdict
    why: str = ""


class Name(StrEnum):
    """The names that a condition may use."""

    ARGS = "args"
    REQUESTER = "requester"
    REQUESTER_GROUPS = "requester_groups"
    REQUESTER_IS_GUEST = "requester_is_guest"
    AGENT = "agent"
    CHANNEL = "channel"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who asks, where, through which agent, and when (`now`: aware). None is what could not be found out.

    `requester_groups` are the handles of the Slack groups that the requester is in, without @. `channel` is the one of
    the conversation, by its Slack id: a rename never changes which rule applies.
    """

    agent: AgentName
    channel: ChannelId
    requester: UserId
    now: datetime
    requester_groups: frozenset[str] | None = None
    requester_is_guest: bool | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a condition, where in its text (counted from 1), and how to fix it."""

    line: int
    column: int
    what: str
    fix: str


class Condition(Protocol):
    """A condition that was found right when the file was read. It never raises, and takes a bounded time."""

    @property
    def text(self) -> str:
        """The condition as it stands in the file."""

    @property
    def zone(self) -> str:
        """The zone whose clock it reads."""

    @property
    def names(self) -> frozenset[Name]:
        """The names that it uses: nothing else has to be looked up for it."""

    @property
    def groups(self) -> frozenset[str]:
        """The handles of groups that it looks for among the requester's, as far as its text names them."""

    def mistakes(self, tool: str, schema: Mapping[str, Json]) -> Sequence[Mistake]:
        """What is wrong with it for this tool, whose arguments its JSON Schema declares; each names the tool."""

    def judge(self, args: Json, schema: Mapping[str, Json] | None, asked: Circumstances) -> Finding:
        """Whether it holds for these arguments, as they stand now; `schema` is the tool's, None where it is not known.

        `args` of what is no tool call is what is shown there; where that is no object, `args` is unknown.
        """


class Conditions(Protocol):
    """The language that conditions are written in."""

    def compiled(self, text: str, zone: str) -> Condition | Sequence[Mistake]:
        """A condition, or all that is wrong with it. The clock of `now` is the one of `zone`, such as Europe/Berlin."""
