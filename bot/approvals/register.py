"""The register: the only writer of approvals and of conversations.

It decides nothing itself: it reads an approval, calls `engine.machine.step`, and writes the result with its effects in
one atomic change. If another process wrote first, it reads and steps again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bot import concealment
from bot.telemetry import Metrics
from engine.approvals.approval import Approval, State
from engine.approvals.effects import Say
from engine.approvals.events import Event, Opened
from engine.conversation import Conversation
from engine.ids import ApprovalId, MessageTs, SheetId, ThreadId, UserId
from engine.machine import Step, outcome_of, step
from engine.ports import Approvals, Change, Clock, Conversations, Lanes
from engine.sentences.refusals import Refusal

MOST_RACES = 50
"""Times that a lost race of writes is run again: each loss means that somebody else's write won."""


class Register:
    """Reads, steps and writes approvals; keeps conversations."""

    def __init__(
        self, *, approvals: Approvals, conversations: Conversations, lanes: Lanes, clock: Clock, metrics: Metrics
    ) -> None:
        self._approvals = approvals
        self._conversations = conversations
        self._lanes = lanes
        self._clock = clock
        self._metrics = metrics

    async def open(self, approval: Approval, opened: Opened) -> Approval:
        """Store a new approval with its first effects; one that is stored already stays as it is.

        Returns the approval as this call would have stored it.
        """
        taken = step(approval, opened, self._clock.now())
        if await self._approvals.create(Change(taken.approval, taken.effects, taken.entries)):
            await self._lanes.ring(taken.effects)
            self._metrics.opened(approval.ask.kind.value)
            if approval.ask.caught:
                self._metrics.changed()
        return taken.approval

    async def happened(self, approval: ApprovalId, event: Event, *, stored: Approval | None = None) -> Approval | None:
        """Apply an event of our own: a card was posted, a deadline passed, an answer was delivered.

        May be called many times. Gives the approval as it is stored now; None: it is no longer kept.

        `stored` is the approval as the caller read it, nothing of it concealed. If the event changes it, it is not read
        again: the write compares versions, and an approval is written once under each version.
        """
        if stored is not None and (changed := await self._change(stored, event)) is not None:
            return changed.approval

        async def same(_: Approval) -> Event:
            return event

        taken = await self.step(approval, same)
        return None if taken is None else taken.approval

    async def step(
        self, approval: ApprovalId, event_for: Callable[[Approval], Awaitable[Event | Refusal]]
    ) -> Step | None:
        """Read, step and write, again for each lost race; gives the step, its approval as it is stored now.

        None: there is no such approval.

        Where `event_for` gives a refusal in place of an event, nothing is written. It may be called several times.

        Raises RuntimeError when it lost every race.
        """
        remembered = self._approvals.remembered(approval)
        if remembered is not None:
            event = await event_for(remembered)
            changed = None if isinstance(event, Refusal) else await self._change(remembered, event)
            if changed is not None:
                return changed
        for _ in range(MOST_RACES):
            before = await self._approvals.get(approval)
            if before is None:
                return None
            event = await event_for(before)
            if isinstance(event, Refusal):
                return Step(before, refusal=event)
            taken = step(before, event, self._clock.now())
            if (written := await self._write(before, taken)) is not None:
                return written
        raise RuntimeError(f"{approval} was written by others {MOST_RACES} times in a row")

    async def _change(self, before: Approval, event: Event) -> Step | None:
        """Write what an event changes in an approval that others may have written since it was read.

        None: nothing was written. That an event changes nothing, or is refused, is believed only of what is stored.
        """
        taken = step(before, event, self._clock.now())
        return await self._write(before, taken) if taken.approval != before else None

    async def _write(self, before: Approval, taken: Step) -> Step | None:
        """Write a step, and give it with the approval as it is stored now. None: somebody else wrote first."""
        touches = taken.approval != before
        if not touches and not taken.effects and not taken.entries:
            return taken  # no-op
        change = Change(taken.approval, taken.effects, taken.entries, touches=touches)
        if not await self._approvals.save(change):
            return None
        await self._lanes.ring(taken.effects)
        if before.state is State.PENDING and taken.approval.state is not State.PENDING:
            ended = taken.approval.closed_at or self._clock.now()
            self._metrics.closed(_outcome(taken.approval), (ended - taken.approval.created_at).total_seconds())
        return replace(taken, approval=replace(taken.approval, version=before.version + 1)) if touches else taken

    async def sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet as people see them, oldest first."""
        return [concealment.shown(each) for each in await self._approvals.of_sheet(thread, sheet)]

    # Conversations ----------------------------------------------------------------------------------------------------

    async def conversation(self, thread: ThreadId) -> Conversation | None:
        """The conversation of a thread."""
        return await self._conversations.get(thread)

    async def keep(self, conversation: Conversation, fence: int) -> None:
        """Store a conversation; only from its thread's `run` lane, with that lane's fence."""
        await self._conversations.save(conversation, fence)

    async def say(
        self,
        conversation: Conversation,
        text: str,
        key: str,
        *,
        speaker: str = "",
        failed: bool,
        at: MessageTs | None = None,
        by: UserId | None = None,
    ) -> None:
        """Let the agent speak in its conversation, once for each `key`; `at`: in the place of a live message."""
        said = Say(conversation.thread, conversation.place, text, key, speaker, failed, at, by)
        await self._lanes.put(said, f"say/{key}")


def _outcome(approval: Approval) -> str:
    return outcome_of(approval) if approval.state is State.DECIDED else approval.state.value
