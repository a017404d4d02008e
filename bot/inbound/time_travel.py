"""Time travel: lists the checkpoints of a conversation, and restarts from one, for those who may.

A restart can run approved actions again, with another state. So it takes a person who could have decided everything
that was decided in the conversation; where that took several people, nobody can restart it alone. Where nothing was
decided, only the requester can. Where the state is edited, or the rules have changed since, it is unknown which rule
will govern what runs: then it takes a person whom each rule for the agent lets decide. Only members of the channel, or
the person of a direct message, see the checkpoints. Anything that cannot be looked up counts as no.

A restart is an effect in the thread's `run` lane and a row in its audit; a refusal is a row, too.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot import concealment
from bot.masking import MASK
from bot.rules.facts import Authority, sources_of
from bot.rules.in_force import Rules
from engine.approvals.approval import policies_of
from engine.approvals.audit import Entry, What
from engine.approvals.effects import Travel
from engine.asks.ask import Json, canonical
from engine.authority.eligibility import AccountType, Facts, may_decide
from engine.authority.policy import REQUESTER, Policy, Subject, one_part
from engine.conversation import Conversation
from engine.ids import ApprovalId, ChannelId, ThreadId, UserId
from engine.ports import (
    Approvals,
    Audit,
    Clock,
    Conversations,
    Graphs,
    Lanes,
    Roster,
    Snapshot,
    TimeTravelRequest,
)
from engine.rules.routing import possible_policies
from engine.sentences.refusals import (
    Closed,
    KeptBack,
    NeedsSeveral,
    NotInChannel,
    NotYourConversation,
    Refusal,
    RosterUnknown,
    Stranger,
)

MOST_SNAPSHOTS = 100
"""Checkpoints that are shown: more than a person reads."""
_OWN = one_part("default: the requester goes back", REQUESTER)


class TimeTravels:
    """Implements `engine.ports.TimeTravel`."""

    def __init__(  # noqa: PLR0913 - every port once, by keyword, from wiring alone
        self,
        *,
        approvals: Approvals,
        conversations: Conversations,
        audit: Audit,
        lanes: Lanes,
        graphs: Graphs,
        roster: Roster,
        authority: Authority,
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._approvals = approvals
        self._conversations = conversations
        self._audit = audit
        self._lanes = lanes
        self._graphs = graphs
        self._roster = roster
        self._authority = authority
        self._rules = rules
        self._clock = clock

    async def conversations(self, channel: ChannelId, user: UserId) -> Sequence[Conversation]:
        """The conversations of a channel whose checkpoints a person may see, the latest first."""
        found = await self._conversations.of_channel(channel)
        if not found or await self._may_look(found[0], user) is not None:
            return ()
        return [each for each in found if not each.direct or each.requester == user]

    async def snapshots(self, thread: ThreadId, by: UserId) -> Sequence[Snapshot] | Refusal:
        """The thread's checkpoints, the newest first."""
        conversation = await self._conversations.get(thread)
        if conversation is None:
            return Closed("this conversation is no longer kept")
        refusal = await self._may_look(conversation, by)
        if refusal is not None:
            return refusal
        snapshots = await self._graphs.snapshots(thread, conversation.agent, MOST_SNAPSHOTS)
        return [replace(each, values=concealment.shown_value(each.values)) for each in snapshots]

    async def request(self, wanted: TimeTravelRequest) -> Refusal | None:
        """Take a request to restart from a checkpoint: durable when this returns (P1). None: it will be done."""
        conversation = await self._conversations.get(wanted.thread)
        if conversation is None:
            return Closed("this conversation is no longer kept")
        refusal = await self._may_travel(conversation, wanted)
        if refusal is None and MASK in canonical(wanted.edits):
            wanted, refusal = await self._with_secrets(wanted, conversation)
        # The row is written first: nothing is done that the audit does not have.
        await self._audit.add(self._row(wanted, refusal))
        if refusal is None:
            effect = Travel(wanted.thread, wanted.by, wanted.checkpoint, wanted.key, wanted.edits)
            await self._lanes.put(effect, f"travel/{wanted.key}")  # once, however often it is sent
        return refusal

    async def _with_secrets(
        self, wanted: TimeTravelRequest, conversation: Conversation
    ) -> tuple[TimeTravelRequest, Refusal | None]:
        """Put the secrets that were not shown back into the edits."""
        snapshots = await self._graphs.snapshots(wanted.thread, conversation.agent, MOST_SNAPSHOTS)
        snapshot = next((each for each in snapshots if each.checkpoint == wanted.checkpoint), None)
        if snapshot is None:
            return wanted, Closed("this point of the conversation is no longer kept")
        if concealment.problems(wanted.edits, snapshot.values):
            return wanted, KeptBack()
        return replace(wanted, edits=concealment.restored(wanted.edits, snapshot.values)), None

    def _row(self, wanted: TimeTravelRequest, refusal: Refusal | None) -> Entry:
        what = What.TRAVELLED if refusal is None else What.REFUSED
        detail: dict[str, Json] = {
            "checkpoint": wanted.checkpoint,
            "edited": wanted.edits is not None,
            "key": wanted.key,
        }
        if refusal is not None:
            detail |= {"refusal": refusal.code, "choice": "travel", "action": 0}
        about = ApprovalId(f"{wanted.thread}#travel")
        return Entry(self._clock.now(), wanted.thread, about, what, wanted.by, "time travel", detail)

    async def _may_look(self, conversation: Conversation, by: UserId) -> Refusal | None:
        if conversation.direct:
            return None if by == conversation.requester else NotYourConversation()
        facts = await self._facts(conversation, by)
        if facts.account is AccountType.UNKNOWN or facts.in_channel is None:
            return RosterUnknown()
        if facts.account in (AccountType.STRANGER, AccountType.VISITOR):
            return Stranger()
        return None if facts.in_channel else NotInChannel()

    async def _may_travel(self, conversation: Conversation, wanted: TimeTravelRequest) -> Refusal | None:
        refusal = await self._may_look(conversation, wanted.by)
        if refusal is not None:
            return refusal
        policies = await self._policies(conversation, wanted) or (_OWN,)
        several = max(policy.quorum for policy in policies)
        if several > 1:
            return NeedsSeveral(several)
        facts = await self._authority.facts(wanted.by, conversation.place, sources_of(*policies))
        refusals = (
            may_decide(
                policy,
                conversation.requester,
                wanted.by,
                facts,
                Subject.QUESTION if policy is _OWN else Subject.REQUEST,
            )
            for policy in policies
        )
        return next((each for each in refusals if each is not None), None)

    async def _policies(self, conversation: Conversation, wanted: TimeTravelRequest) -> tuple[Policy, ...]:
        """The policies that a restart is held to; none where nothing was or is to be decided in the conversation."""
        deciding = await self._approvals.deciding(wanted.thread)
        decided_under = policies_of(deciding)
        if not deciding or (wanted.edits is None and all(each.edition == self._rules.edition for each in deciding)):
            return decided_under
        return tuple(dict.fromkeys((*decided_under, *possible_policies(conversation.agent, self._rules.book))))

    async def _facts(self, conversation: Conversation, user: UserId) -> Facts:
        return await self._roster.facts(user, conversation.place, membership=not conversation.direct)
