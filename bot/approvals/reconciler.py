"""Compares the questions of a graph with the stored approvals: opens new requests, withdraws those no longer asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.approvals.register import Register
from bot.approvals.sheets import sheets_of
from bot.masking import masked
from bot.rules.granting import Granting
from bot.rules.in_force import Rules
from bot.telemetry import Metrics
from engine.approvals.approval import OPEN, Approval, Replaced, State, open_reviews
from engine.approvals.events import AskedAgain, Automatic, NotDelivered, Opened, Withdrew
from engine.asks.ask import MOST_BYTES, Choice, Kind, size_of
from engine.authority.eligibility import unreachable
from engine.conversation import Conversation
from engine.ids import ApprovalId, InterruptId, SheetId, ThreadId, approval_id
from engine.machine import outcome_of
from engine.ports import Approvals, Asked, Clock, RunResult
from engine.rules.routing import Route, route

UNREACHABLE = (
    "The rule for this request asks for more approvers than are left when you ask for it yourself: it can only be "
    "rejected. Ask somebody else to make the request."
)
RUN_STOPPED = "another request of this run was rejected, and that stopped the run"
RUN_WITHDRAWN = "another request of this run was withdrawn, and that stopped the run"
CHANGED_SINCE = "the agent changed its request after that, so nothing was run"
LOST = "the agent failed, ran again and lost this answer, so it asks again"
NO_LONGER_ASKED = "the agent no longer asks this"
TOO_LARGE = (
    "The agent's request has {size:,} bytes, and a request can have at most {most:,}. "
    "Nobody was asked to decide it, and nothing was approved. Send a new message to go on."
)


class Reconciler:
    """Turns the questions of graphs into approvals."""

    def __init__(
        self,
        *,
        register: Register,
        approvals: Approvals,
        rules: Rules,
        granting: Granting,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._register = register
        self._approvals = approvals
        self._rules = rules
        self._granting = granting
        self._clock = clock
        self._metrics = metrics

    async def reconcile(self, conversation: Conversation, result: RunResult, withdrawn: str = NO_LONGER_ASKED) -> None:
        """Open requests that are new, ask again those that came back, withdraw those no longer asked.

        `withdrawn` is the reason on the cards of the last. Idempotent; called from the thread's `run` lane.
        """
        found = await self._within_size(conversation, await self._look_up(conversation.thread, result.asked))
        asked = {each.id: _masked(each.asked) for each in found}
        known = {each.id: each.approval for each in found if each.approval is not None}
        stopping = [each for each in known.values() if each.state is State.STOPPED]
        if stopping:
            why = RUN_WITHDRAWN if any(each.is_withdrawn for each in stopping) else RUN_STOPPED
            await self._end_beside(await self._approvals.open(conversation.thread), why)
            return
        routes = await self._routes(conversation, asked)
        sheets = sheets_of(asked, routes, {each: approval.sheet for each, approval in known.items()})
        for each, question in asked.items():
            if each not in known:
                replaced = await self._replaced(conversation.thread, question)
                sheet = sheets.get(each, SheetId(""))
                await self._open(each, question, conversation, routes[each], sheet, replaced)
                continue
            state = known[each].state
            if lost := state is State.DELIVERED and question.decided:
                await self._register.happened(each, NotDelivered(LOST))
            if lost or state in (State.WITHDRAWN, State.UNDELIVERABLE):
                replaced = await self._replaced(conversation.thread, question)
                again = routes[each]
                automatic = _only_if_any(again.automatic)
                event = AskedAgain(again.policies, again.edition, replaced, automatic, again.deadlines, again.calling)
                await self._register.happened(each, event)
        for approval in await self._approvals.open(conversation.thread, but=asked):
            if approval.state is State.PENDING and result.complete:
                await self._register.happened(approval.id, Withdrew(withdrawn))

    async def _routes(
        self, conversation: Conversation, asked: Mapping[ApprovalId, Asked]
    ) -> Mapping[ApprovalId, Route]:
        if not asked:
            return {}
        place, requester = conversation.place, conversation.requester
        book = self._rules.book  # which may be replaced while we wait
        known = await self._rules.circumstances(book, conversation.agent, place, requester, self._clock.now())
        routes = {each: route(question.ask, conversation, book, known) for each, question in asked.items()}
        return {each: replace(found, edition=self._rules.edition_of(book)) for each, found in routes.items()}

    async def _within_size(self, conversation: Conversation, found: Sequence["_Found"]) -> Sequence["_Found"]:
        """Leave out requests that are too large. They end here as the agent's failure, and new input voids them."""
        for each in found:
            if each.is_too_large:
                sentence = TOO_LARGE.format(size=size_of(each.asked.ask), most=MOST_BYTES)
                await self._register.say(conversation, sentence, f"too-large/{each.id}", failed=True)
        return [each for each in found if not each.is_too_large]

    async def ended_interrupts(self, thread: ThreadId, asked: Sequence[Asked]) -> frozenset[InterruptId]:
        """The interrupts that the graph still asks and whose approvals ended: new input may void them.

        A question that came up after a rejection stopped the run was never put to anybody, and counts as ended.
        """
        found = await self._look_up(thread, asked)
        stopped = any(each.approval is not None and each.approval.state is State.STOPPED for each in found)
        never = [each for each in found if each.approval is None and (stopped or each.is_too_large)]
        ended = [each for each in found if each.approval is not None and each.approval.state not in OPEN]
        return frozenset(each.asked.interrupt for each in (*ended, *never))

    async def _look_up(self, thread: ThreadId, asked: Sequence[Asked]) -> Sequence["_Found"]:
        """The questions of a graph, with their ids and stored approvals."""
        first = [approval_id(thread, each.interrupt, each.digest) for each in asked]
        known = {each.id: each for each in await self._approvals.known(first)} if first else {}
        found = [_Found(id, each, known.get(id)) for id, each in zip(first, asked, strict=True)]  # noqa: A001 - they are
        return [await self._latest_repeat(thread, each) if each.went_on else each for each in found]

    async def _latest_repeat(self, thread: ThreadId, first: "_Found") -> "_Found":
        """Find the latest request of a pause that keeps coming back after people let the graph go on: it gets a card.

        It may have come back hundreds of times: the number is doubled until it is too high, and then halved.
        """
        asked, low, jump = first.asked, 0, 1
        latest = await self._repeat(thread, asked, low + jump)
        while latest.went_on:
            low, jump = low + jump, jump * 2
            latest = await self._repeat(thread, asked, low + jump)
        while jump > 1:
            jump //= 2
            between = await self._repeat(thread, asked, low + jump)
            if between.went_on:
                low += jump
            else:
                latest = between
        return latest

    async def _repeat(self, thread: ThreadId, asked: Asked, again: int) -> "_Found":
        each = approval_id(thread, asked.interrupt, asked.digest, again)
        return _Found(each, asked, await self._approvals.get(each))

    async def _replaced(self, thread: ThreadId, asked: Asked) -> Replaced | None:
        """The earlier decision, where the graph has changed its request since; its card says that it had no effect."""
        if not asked.instead_of:
            return None
        self._metrics.changed()
        before = await self._approvals.get(approval_id(thread, asked.interrupt, asked.instead_of))
        if before is None:
            return Replaced("decided", (), ())
        if before.state is State.DELIVERED:  # an earlier one of the same step, whose answer the graph had already
            await self._register.happened(before.id, NotDelivered(CHANGED_SINCE))
        return Replaced(outcome_of(before), before.deciders, tuple(review.value for review in before.reviews))

    async def _end_beside(self, approvals: Iterable[Approval], why: str) -> None:
        """End the other requests of a run that was stopped: nothing more of it is decided or sent to the graph."""
        for approval in approvals:
            if approval.state is State.PENDING:
                await self._register.happened(approval.id, Withdrew(why))
            elif approval.state is State.DECIDED:
                await self._register.happened(approval.id, NotDelivered(why))

    async def _open(
        self,
        approval: ApprovalId,
        asked: Asked,
        conversation: Conversation,
        routed: Route,
        sheet: SheetId,
        replaced: Replaced | None,
    ) -> None:
        opened = Approval(
            id=approval,
            thread=conversation.thread,
            agent=conversation.agent,
            interrupt=asked.interrupt,
            digest=asked.digest,
            ask=asked.ask,
            deadlines=routed.deadlines,
            requester=conversation.requester,
            home=conversation.place,
            place=routed.place,
            created_at=self._clock.now(),
            reviews=open_reviews(asked.ask, routed.policies),
            sheet=sheet,
            replaced=replaced,
            calling=routed.calling,
            edition=routed.edition,
            asked_after=conversation.turn or conversation.opened_by,
        )
        automatic = await self._granting.automatic(approval, asked, conversation, routed)
        opened = await self._register.open(opened, Opened(_only_if_any(automatic)))
        waiting = [review for review in opened.reviews if review.decision is None]
        if any(unreachable(review.policy, opened.requester) for review in waiting):
            await self._register.say(conversation, UNREACHABLE, f"unreachable/{approval}", failed=True)


@dataclass(frozen=True, slots=True)
class _Found:
    """A question of a graph, the id of its approval, and the approval, if one is stored."""

    id: ApprovalId
    asked: Asked
    approval: Approval | None

    @property
    def went_on(self) -> bool:
        """True if people let the graph go on from this pause: it came back since."""
        return self.asked.ask.may_recur and self.approval is not None and _went_on(self.approval)

    @property
    def is_too_large(self) -> bool:
        """True if the request is too large to be put to anybody."""
        return self.approval is None and size_of(self.asked.ask) > MOST_BYTES


def _only_if_any(automatic: tuple[Automatic | None, ...]) -> tuple[Automatic | None, ...]:
    return automatic if any(automatic) else ()


def _went_on(approval: Approval) -> bool:
    if approval.state is not State.DELIVERED:
        return False
    return all(review.decision and review.decision.choice is not Choice.REJECT for review in approval.reviews)


def _masked(asked: Asked) -> Asked:
    """Mask the bot's secrets in a failure that the graph raised; the digest stays that of the original."""
    if asked.ask.kind is not Kind.FAILURE:
        return asked
    actions = tuple(replace(each, description=masked(each.description)) for each in asked.ask.actions)
    return replace(asked, ask=replace(asked.ask, prompt=masked(asked.ask.prompt), actions=actions))
