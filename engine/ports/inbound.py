"""The bot as Slack's handlers see it: clicks, messages, workspace events, lists of requests, time travel."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from engine.approvals.approval import Approval, Place
from engine.approvals.events import Act, Click
from engine.asks.ask import Json, ValueProblem
from engine.conversation import Conversation
from engine.ids import ApprovalId, ChannelId, GrantId, MessageTs, SheetId, TeamId, ThreadId, UserId
from engine.ports.graphs import Snapshot
from engine.rules.grants import Grant
from engine.sentences.refusals import Refusal
from engine.sources import Source


class Intake(Protocol):
    """Takes clicks and messages. Each call returns only when what it was told is durable (P1)."""

    async def look(self, approval: ApprovalId) -> Approval | None:
        """The approval as it is stored."""

    def shown(self, approval: Approval) -> Approval:
        """The approval as people see it, without secrets. Their edits of it go to `choose` as they are."""

    async def choose(self, choice: "Click", unless: "Unless | None" = None) -> Refusal | None:
        """Take a click or a submitted form. None: it counted. A refusal is recorded, and the person is told of it.

        If `unless` is true of the stored approval, nothing is done, and the answer is `ShownInPart`.
        """

    async def act(self, act: "Act") -> Refusal | None:
        """Take an act besides deciding: looking, handing over and so on. None: it counted, or is being looked up."""

    async def withdraw(self, approval: ApprovalId, by: UserId) -> Refusal | None:
        """Withdraw a request as its requester. None: it is withdrawn, and its run stops."""

    async def disallow(self, approval: ApprovalId, by: UserId) -> str:
        """Revoke the grants given with an approval; returns a sentence for the person about the result."""

    async def hear(self, said: "IncomingMessage") -> None:
        """Take a message."""

    async def card_deleted(self, approval: ApprovalId, channel: ChannelId, card: MessageTs) -> None:
        """Take the deletion of a message that showed an approval: the card of a pending one is posted again."""

    async def sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet, in its order; none if it is no longer stored."""

    def problems(self, approval: Approval, click: "Click") -> Sequence[ValueProblem]:
        """The problems of a submitted value, field by field."""


Unless: TypeAlias = Callable[[Approval], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message from Slack. `text` is as written, without mentions of the bot.

    `team` is the author's by the event: the bot's workspace, another one, or an organization. Only the roster knows
    whether a person of another team belongs to the bot's workspace all the same.
    """

    place: Place
    user: UserId
    team: TeamId
    text: str
    ts: MessageTs
    mentioned: bool
    direct: bool


class WorkspaceEvents(Protocol):
    """Takes events about channels, people and user groups.

    An awaited call is durable when it returns. `event` is the name of the event, for the log.
    """

    async def opened(self, channel: ChannelId, event: str) -> None:
        """The bot was invited, or the channel was unarchived: work that waits for it is tried again."""

    async def closed(self, channel: ChannelId, why: str) -> None:
        """The bot can no longer post there; `why` is one word for the log."""

    async def renamed(self, channel: ChannelId, name: str) -> None:
        """The channel has a new name."""

    async def groups_changed(self, groups: Collection[str]) -> None:
        """These user groups changed, by Slack id; `*` stands for all."""

    def person_changed(self, user: UserId) -> None:
        """A person's account changed, perhaps to a guest's. This process forgets what it knew of them."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The requests that wait for a person, oldest first; `unsure` counts those that could not be checked just now.

    `cut`: there are so many pending requests that only the oldest were checked.
    """

    approvals: Sequence[Approval]
    unsure: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class SourcePeople:
    """The people whom a source names now, or the `error` that prevents it. Members of a channel are not listed.

    `tiers` has the tiers of the people on call, if the service tells them.
    """

    source: Source
    people: tuple[UserId, ...]
    error: str = ""
    tiers: Mapping[UserId, int] = field(default_factory=dict)


class Overview(Protocol):
    """Requests and grants listed for a person, as far as they may see them: see `bot.inbound.overview`."""

    async def waiting_for(self, user: UserId) -> Waiting:
        """The pending requests that wait for this person's decision."""

    async def asked_by(self, user: UserId) -> Sequence[Approval]:
        """The pending requests of this person, oldest first."""

    async def lately(self, user: UserId) -> Sequence[Approval]:
        """Recently closed requests that this person made or voted on, newest first."""

    async def find(self, spelled: str, user: UserId) -> Approval | None:
        """Find the request that a person means: by the beginning of its short id, or by its card as `CHANNEL/TS`."""

    async def able(self, approval: Approval) -> Sequence[SourcePeople]:
        """The people who could decide a request now, source by source."""

    async def grants(self, user: UserId) -> Sequence[Grant]:
        """The grants that a person gave and that are still valid."""

    async def revoke(self, grant: GrantId, user: UserId) -> bool:
        """Revoke a grant that this person gave. False: it has ended already."""


class TimeTravel(Protocol):
    """Time travel in a thread. The policies of its earlier decisions say who may.

    https://docs.langchain.com/oss/python/langgraph/use-time-travel
    """

    async def conversations(self, channel: ChannelId, user: UserId) -> Sequence[Conversation]:
        """The conversations of a channel or direct message in which a person may time travel, newest first."""

    async def snapshots(self, thread: ThreadId, by: UserId) -> Sequence[Snapshot] | Refusal:
        """The thread's checkpoints, newest first."""

    async def request(self, wanted: "TimeTravelRequest") -> Refusal | None:
        """Take a request; it is durable when this returns (P1). None: it will run, once however often it is sent."""


@dataclass(frozen=True, slots=True)
class TimeTravelRequest:
    """A person's request to run from an earlier checkpoint; see `TimeTravelRun`."""

    thread: ThreadId
    by: UserId
    checkpoint: str
    key: str
    edits: Json = None
