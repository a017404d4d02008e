"""What Slack's handlers call: clicks, messages, changes in the workspace, lists of requests, time travel."""

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
    """What Slack's handlers call: each returns only when what it was told is durable (P1)."""

    async def look(self, approval: ApprovalId) -> Approval | None:
        """The approval as it stands."""

    def shown(self, approval: Approval) -> Approval:
        """The approval as people see it: without secrets. What they send back for it goes to `choose` as it is."""

    async def choose(self, choice: "Click", unless: "Unless | None" = None) -> Refusal | None:
        """Take a click or a submitted form. None: it counted. A refusal was recorded and its author is being told.

        Where `unless` holds of the approval as it stands, nothing is done: then the answer is `ShownInPart`.
        """

    async def act(self, act: "Act") -> Refusal | None:
        """Take what a person does with a request besides deciding it. None: it counted, or is being looked up."""

    async def withdraw(self, approval: ApprovalId, by: UserId) -> Refusal | None:
        """Take back a request, as its requester. None: it is withdrawn, and its run stops."""

    async def disallow(self, approval: ApprovalId, by: UserId) -> str:
        """Take back the grants that an approval tells of; says what came of it, for the person who wants it."""

    async def hear(self, said: "IncomingMessage") -> None:
        """Take a message."""

    async def card_deleted(self, approval: ApprovalId, channel: ChannelId, card: MessageTs) -> None:
        """Somebody deleted a message that showed an approval: the card of one that is pending comes back."""

    async def sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet, in its order; none where it is no longer kept."""

    def problems(self, approval: Approval, click: "Click") -> Sequence[ValueProblem]:
        """What is wrong with a submitted value, field by field."""


Unless: TypeAlias = Callable[[Approval], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message, as it came from Slack. `text` is as written, mentions of the bot removed.

    `team` is what the event says of its author: the bot's own workspace, another one, or an organization. Only the
    roster knows whether somebody of another team belongs to the bot's workspace all the same.
    """

    place: Place
    user: UserId
    team: TeamId
    text: str
    ts: MessageTs
    mentioned: bool
    direct: bool


class WorkspaceEvents(Protocol):
    """What Slack's handlers call when something happens to a channel, to people or to user groups.

    What is awaited is durable when it returns. `event` names what happened.
    """

    async def opened(self, channel: ChannelId, event: str) -> None:
        """The bot was invited, or the channel is no longer archived: what waits for it is tried again."""

    async def closed(self, channel: ChannelId, why: str) -> None:
        """Nothing can be posted there any more; `why` is one word for the log."""

    async def renamed(self, channel: ChannelId, name: str) -> None:
        """It has another name now, and is the same channel."""

    async def groups_changed(self, groups: Collection[str]) -> None:
        """These user groups are not what they were, by Slack id; `*` stands for all."""

    def person_changed(self, user: UserId) -> None:
        """Somebody is not who they were, such as a guest now. What this process knows of them counts no more."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The requests that wait for a person, the oldest first; of `unsure` more nobody could tell just now.

    `cut`: there are so many pending requests that only the oldest of them were looked at.
    """

    approvals: tuple[Approval, ...]
    unsure: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class SourcePeople:
    """The people whom a source names now, or why nobody can be named. Those of a channel are not listed.

    `tiers` has the tiers of those who are on call, where the service says them.
    """

    source: Source
    people: tuple[UserId, ...]
    error: str = ""
    tiers: Mapping[UserId, int] = field(default_factory=dict)


class Overview(Protocol):
    """What Slack's handlers show a person of all requests, as they may see them: see `bot.inbound.overview`."""

    async def waiting_for(self, user: UserId) -> Waiting:
        """The pending requests that wait for this person's decision."""

    async def asked_by(self, user: UserId) -> Sequence[Approval]:
        """The pending requests of this person, the oldest first."""

    async def lately(self, user: UserId) -> Sequence[Approval]:
        """What was closed lately of what this person asked or voted on, the latest first."""

    async def find(self, spelled: str, user: UserId) -> Approval | None:
        """The request that a person means: by the beginning of its short id, or by its card as `CHANNEL/TS`."""

    async def able(self, approval: Approval) -> Sequence[SourcePeople]:
        """Who could decide a request now, source by source."""

    async def grants(self, user: UserId) -> Sequence[Grant]:
        """The grants that a person gave and that stand."""

    async def revoke(self, grant: GrantId, user: UserId) -> bool:
        """Take back a grant that this person gave. False: it is over already."""


class TimeTravel(Protocol):
    """What Slack's handlers call to go back in a thread. Who may is settled by the policies of what was decided there.

    https://docs.langchain.com/oss/python/langgraph/use-time-travel
    """

    async def conversations(self, channel: ChannelId, user: UserId) -> Sequence[Conversation]:
        """The conversations of a channel or direct message that a person may look back in, the latest first."""

    async def snapshots(self, thread: ThreadId, by: UserId) -> Sequence[Snapshot] | Refusal:
        """The thread's checkpoints, the newest first."""

    async def request(self, wanted: "TimeTravelRequest") -> Refusal | None:
        """Take the wish to go back: durable when this returns (P1). None: it will be done. Told twice, done once."""


@dataclass(frozen=True, slots=True)
class TimeTravelRequest:
    """A person's wish to run on from an earlier checkpoint; see `TimeTravelRun`."""

    thread: ThreadId
    by: UserId
    checkpoint: str
    key: str
    edits: Json = None
