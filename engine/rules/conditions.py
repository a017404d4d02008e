"""Conditions of rules (`if:` in `app.yaml`), as routing sees them.

A condition holds, fails, or is unknown: an argument is missing, a number is not finite, a person's groups could not be
read. An unknown condition ends the matching of rules and asks a person: the rule counts as matched and decides nothing
by itself; if it names no approvers, the next rule that names some does. It never falls through to a rule that decides
automatically. The same goes for a tool whose name only looks like the one that a rule names: see
`engine.rules.tool_names`.

A condition is a pure function of an action and of the facts about its requester; `adapters.conditions` compiles it when
the file is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from engine.asks.ask import Json
from engine.ids import AgentName, ChannelId, UserId


class Verdict(StrEnum):
    """The result of a condition, or of a rule's whole `when`."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"
    """Nobody can tell, so a person is asked."""


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Combine the parts of a rule: it holds if all hold, and fails if one fails."""
    found = frozenset(verdicts)
    if Verdict.FAILS in found:
        return Verdict.FAILS
    return Verdict.UNKNOWN if Verdict.UNKNOWN in found else Verdict.HOLDS


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict; `why` says in one sentence for people why it is UNKNOWN, "" for the others.

    It quotes no argument's value, but may name an argument that the agent made up: it is untrusted.
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
    """The circumstances of a request. `now` is aware; None stands for a fact that could not be found out.

    `requester_groups` are the handles of the requester's Slack groups, without @. `channel` is the conversation's, by
    its Slack id: a rename never changes which rule applies.
    """

    agent: AgentName
    channel: ChannelId
    requester: UserId
    now: datetime
    requester_groups: frozenset[str] | None = None
    requester_is_guest: bool | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in a condition: its place in the text (counted from 1), what is wrong, and how to fix it."""

    line: int
    column: int
    what: str
    fix: str


class Condition(Protocol):
    """A condition that was checked when the file was read. It never raises, and takes a bounded time."""

    @property
    def text(self) -> str:
        """The condition as written in the file."""

    @property
    def zone(self) -> str:
        """The zone whose clock it reads."""

    @property
    def names(self) -> frozenset[Name]:
        """The names that it uses; nothing else has to be looked up for it."""

    @property
    def groups(self) -> frozenset[str]:
        """The handles of groups that its text names, to be looked up for the requester."""

    def mistakes(self, tool: str, schema: Mapping[str, Json]) -> Sequence[Mistake]:
        """List its mistakes for this tool, whose arguments the JSON Schema declares; each names the tool."""

    def judge(self, args: Json, schema: Mapping[str, Json] | None, asked: Circumstances) -> Finding:
        """Judge it for the current arguments; `schema` is the tool's, None if it is not known.

        For a request that is no tool call, `args` is the value shown; if that is no object, `args` is unknown.
        """


class Conditions(Protocol):
    """The language that conditions are written in."""

    def compiled(self, text: str, zone: str) -> Condition | Sequence[Mistake]:
        """Compile a condition, or list its mistakes. `now` is on the clock of `zone`, such as Europe/Berlin."""
