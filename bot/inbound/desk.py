"""The desk: hears what people say and do in Slack, for the handlers of `adapters.slack.inbound`.

Each method returns once its input is durable (P1). Nothing here waits for a graph or draws a card: `bot.outbound` does
that, from the lanes.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot import concealment
from bot.approvals.decisions import Decisions
from bot.approvals.register import Register
from bot.inbound.agents import Agents
from bot.rules.facts import Authority
from bot.rules.granting import Granting
from bot.telemetry import Metrics
from engine.approvals.approval import Approval
from engine.approvals.effects import Hear, TellPerson, Withdraw
from engine.approvals.events import Act, CardDeleted, Click, CopyGone, Doing, Revoked
from engine.asks.ask import Decision, ValueProblem
from engine.authority.eligibility import AccountType, may_decide
from engine.authority.policy import escalated
from engine.conversation import cancels, thread_id, withdrawn_by
from engine.ids import ApprovalId, ChannelId, MessageTs, SheetId, ThreadId, UserId
from engine.ports import Approvals, Clock, Graphs, IncomingMessage, Lanes, Roster, Unless
from engine.rules.grants import Grant
from engine.sentences.refusals import Refusal

GRANT_OVER = "This was over already: calls like it ask for approval again."
GRANT_REVOKED = "Done: calls like this ask for approval again."
STRANGER = "Only members of this workspace can talk to agents here."
NOT_KNOWN = (
    "Couldn't check with Slack whether you are a member of this workspace, so the agent did not get your message. "
    "Please send it again in a moment."
)


class Desk:
    """Takes clicks and messages; implements `engine.ports.Intake`."""

    def __init__(  # noqa: PLR0913 - every port once, by keyword, from wiring alone
        self,
        *,
        register: Register,
        decisions: Decisions,
        approvals: Approvals,
        lanes: Lanes,
        graphs: Graphs,
        roster: Roster,
        authority: Authority,
        agents: Agents,
        granting: Granting,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._register = register
        self._decisions = decisions
        self._approvals = approvals
        self._lanes = lanes
        self._graphs = graphs
        self._roster = roster
        self._authority = authority
        self._agents = agents
        self._granting = granting
        self._clock = clock
        self._metrics = metrics

    # Requests ---------------------------------------------------------------------------------------------------------

    async def look(self, approval: ApprovalId) -> Approval | None:
        """The approval in its current state."""
        return await self._approvals.get(approval)

    def shown(self, approval: Approval) -> Approval:
        """The approval as people see it: without secrets."""
        return concealment.shown(approval)

    async def sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet as people see them, oldest first."""
        return await self._register.sheet(thread, sheet)

    def problems(self, approval: Approval, click: Click) -> Sequence[ValueProblem]:
        """Problems of a submitted value, field by field; none where it can be sent to the graph."""
        if not 0 <= click.action < len(approval.ask.actions):
            return ()  # refused by the machine, with a sentence
        original = approval.reviews[click.action].value
        schema = approval.ask.actions[click.action].schema
        kept_back = concealment.problems(click.value, original, None if schema is None else dict(schema))
        if kept_back:
            return kept_back
        option = approval.ask.actions[click.action].option(click.option)
        value = concealment.restored(click.value, original)
        decision = Decision(click.choice, value, click.text, option.word if option else "")
        return self._graphs.problems(approval.agent, approval.ask, click.action, decision)

    async def choose(self, choice: Click, unless: Unless | None = None) -> Refusal | None:
        """Take a click or a submitted form: durable when this returns (P1). None: it counted.

        Where `unless` holds for the current approval, nothing is written.

        Raises what the store raises: then nothing was written either, and the caller must not tell Slack "ok".
        """
        with self._metrics.ack():
            return await self._decisions.choose(choice, unless)

    async def act(self, act: Act) -> Refusal | None:
        """Take what a person does with a request besides deciding it: durable when this returns. None: it counted."""
        with self._metrics.ack():
            return await self._decisions.act(act)

    async def withdraw(self, approval: ApprovalId, by: UserId) -> Refusal | None:
        """Take back a request, as its requester: durable when this returns. None: it is withdrawn, its run stops."""
        return await self.act(Act(approval, by, Doing.WITHDRAW))

    async def card_deleted(self, approval: ApprovalId, channel: ChannelId, card: MessageTs) -> None:
        """Handle the deletion of a message that showed an approval: a pending one gets its card back, but no copy."""
        known = await self._approvals.get(approval)
        if known is None:
            return
        if known.place.channel == channel:
            await self._register.happened(approval, CardDeleted(card))
        elif any((each.channel, each.card) == (channel, card) for each in known.copies):
            await self._register.happened(approval, CopyGone(card))

    # Grants -----------------------------------------------------------------------------------------------------------

    async def revoke(self, grant: Grant, by: UserId) -> bool:
        """Revoke a grant, for anyone: durable when this returns. False: it was over already."""
        revoked = await self._granting.revoke(grant, by)
        if revoked:
            await self._register.happened(grant.approval, Revoked(grant.id, by))
        return revoked

    async def disallow(self, approval: ApprovalId, by: UserId) -> str:
        """Revoke the grants shown on an approval's card; returns the answer for the person.

        Those who gave a grant, the requester, and everybody who could have given it may revoke it.
        """
        known = await self._approvals.get(approval)
        found = () if known is None else await self._granting.of(known)
        if known is None or not found:
            return GRANT_OVER
        for grant in found:
            refusal = await self._may_disallow(known, grant, by)
            if refusal is not None:
                return refusal.sentence
            await self.revoke(grant, by)
        return GRANT_REVOKED

    async def _may_disallow(self, approval: Approval, grant: Grant, by: UserId) -> Refusal | None:
        if by in (approval.requester, *grant.by):
            return None
        policy = escalated(grant.policy, len(grant.policy.ladder))
        facts = await self._authority.facts(by, approval.home, policy.sources)
        return may_decide(policy, approval.requester, by, facts, approval.ask.subject)

    # Messages ---------------------------------------------------------------------------------------------------------

    async def hear(self, said: IncomingMessage) -> None:
        """Take a message: durable when this returns. The same message delivered twice is taken once.

        https://docs.slack.dev/reference/events/app_mention - a mention in a channel arrives as a `message` too.
        """
        under = await self._card_above(said)
        if under is not None:
            said = replace(said, place=replace(said.place, thread_ts=None))
        thread = thread_id(said.place)
        if not said.mentioned and not said.direct and await self._register.conversation(thread) is None:
            return  # people talking among themselves
        key = f"message/{said.place.channel}/{said.ts}"
        sentence = await self._why_not_heard(said)
        if sentence:
            if said.mentioned or said.direct:
                await self._lanes.put(TellPerson(thread, said.place, said.user, sentence), key)
            return
        open_ones = await self._approvals.open(thread) if cancels(said.text) else ()
        if withdrawn := withdrawn_by(said.user, open_ones):
            await self._lanes.put(Withdraw(thread, withdrawn, said.user), key)
            return
        start = self._agents.start(said)
        mentioned = said.mentioned or said.direct
        heard = Hear(
            thread=thread,
            place=said.place,
            user=said.user,
            text=said.text,
            ts=said.ts,
            agent=start.agent,
            mentioned=mentioned,
            help=start.help,
            opening=start.opening,
            under=under,
            at=self._clock.now(),
        )
        await self._lanes.put(heard, key)

    async def _why_not_heard(self, said: IncomingMessage) -> str:
        """The reason why a person may not talk to agents here; "" for one who may.

        Only the roster knows whether somebody whose message names another team belongs to this workspace.
        """
        if said.team == said.place.team:
            return ""
        facts = await self._roster.facts(said.user, said.place, membership=False)
        match facts.account:
            case AccountType.STRANGER | AccountType.VISITOR:
                return STRANGER
            case AccountType.UNKNOWN:
                return NOT_KNOWN
            case _:
                return ""

    async def _card_above(self, said: IncomingMessage) -> MessageTs | None:
        """The card in whose thread a direct message was written, if it was written below one."""
        if not said.direct or said.place.thread_ts is None:
            return None
        root = thread_id(replace(said.place, thread_ts=None))
        return said.place.thread_ts if await self._approvals.by_card(root, said.place.thread_ts) else None
