"""Posts what agents say, and reminders; what cannot be posted waits: see `bot.outbound.posting`."""

from typing import assert_never

import structlog

from bot import concealment
from bot.approvals.register import Register
from bot.outbound.calling import Caller
from bot.outbound.posting import Owner, Posting
from engine.approvals.approval import OPEN, Place
from engine.approvals.effects import Remind, Say, TakeBack
from engine.ids import ThreadId
from engine.ports import Approvals, CannotPostError, Chat, Work

log = structlog.get_logger(__name__)

STILL_WAITS = "⏰ This request still needs your decision."
ON_ITS_WAY = "The agent has an answer for you. I'll post it there as soon as I can."


class Speech:
    """Performs `Say`, `Remind` and `TakeBack`."""

    def __init__(self, register: Register, approvals: Approvals, chat: Chat, posting: Posting, caller: Caller) -> None:
        self._register = register
        self._approvals = approvals
        self._chat = chat
        self._posting = posting
        self._caller = caller

    async def perform(self, effect: Say | Remind | TakeBack, work: Work) -> None:
        """Do it, or let it wait; drop what nobody could ever see."""
        try:
            match effect:
                case Say():
                    await self._say(effect, work)
                case Remind():
                    await self._remind(effect, work)
                case TakeBack():
                    await self._take_back(effect, work)
                case _:
                    assert_never(effect)
        except CannotPostError as never:
            log.error("never_seen", effect=type(effect).__name__, code=never.code)  # noqa: TRY400 - a code says it all

    async def _say(self, said: Say, work: Work) -> None:
        async def write(attempt: int) -> Place:
            await self._chat.say(
                said.place, said.text, said.key, speaker=said.speaker, attempt=attempt, at=said.at, by=said.by
            )
            return said.place

        async def whose() -> Owner | None:
            return await self._owner(said.thread)

        await self._posting.post(said, work, said.place, write, whose, ON_ITS_WAY)

    async def _remind(self, remind: Remind, work: Work) -> None:
        approval = await self._approvals.get(remind.approval)
        if approval is None or approval.state not in OPEN or approval.card is None:
            await self._posting.done(remind, work)
            return
        known = approval
        users = await self._caller.able(known)
        copies = [each for each in known.copies if each.user in users]
        here = [user for user in users if all(each.user != user for each in copies)]

        async def write(attempt: int) -> Place:
            for copy in copies:
                await self._chat.point_to(copy, STILL_WAITS, f"{work.id}/{copy.user}", attempt)
            if here or not copies:
                await self._chat.remind(concealment.shown(known), here, work.id, attempt)
            return known.place

        await self._posting.post(remind, work, known.place, write)

    async def _take_back(self, taken: TakeBack, work: Work) -> None:
        async def write(_: int) -> Place:
            await self._chat.take_back(taken.place, taken.message)
            return taken.place

        await self._posting.post(taken, work, taken.place, write)

    async def _owner(self, thread: ThreadId) -> Owner | None:
        conversation = await self._register.conversation(thread)
        return None if conversation is None else Owner(thread, conversation.place, conversation.requester)
