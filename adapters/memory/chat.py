"""A chat in memory, which remembers the messages it was given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.approvals.approval import Approval, Copy, Place
from engine.ids import ApprovalId, ChannelId, MessageTs, SheetId, TeamId, UserId
from engine.ports import LiveMessage


@dataclass(frozen=True, slots=True)
class MemoryMessage:
    """A message of `MemoryChat`: `kind` is card, reminder, call, copy, signpost, said or told."""

    kind: str
    place: Place
    text: str
    user: UserId | None = None
    approval: Approval | None = None
    key: str = ""


class Unseen:
    """A `LiveMessage` that nobody sees."""

    ts: MessageTs | None = None

    async def show(self, words: str, speaker: str, step: str) -> float:
        """Show nothing."""
        del words, speaker, step
        return 1.0

    async def close(self) -> None:
        """Nothing was shown."""


class MemoryChat:
    """The port `Chat`: remembers all messages. Cards are kept by approval, as they were last drawn."""

    def __init__(self, fails: Callable[[], Exception | None] = lambda: None) -> None:
        self.messages: list[MemoryMessage] = []
        self.cards: dict[ApprovalId, Approval] = {}
        self._posted: dict[str, MessageTs] = {}
        self._fails = fails
        self._clock = 1_700_000_000

    async def draw(self, approval: Approval, attempt: int) -> MessageTs:
        """Post the card once for each approval, or redraw it."""
        del attempt
        self._perhaps_fail()
        self.cards[approval.id] = approval
        if approval.id not in self._posted:
            self._posted[approval.id] = self._ts()
            self.messages.append(MemoryMessage("card", approval.place, approval.ask.prompt, approval=approval))
        return self._posted[approval.id]

    async def draw_sheet(self, sheet: SheetId, approvals: Sequence[Approval], attempt: int) -> MessageTs:
        """The same for a sheet, which is kept by its first approval."""
        del sheet
        self.cards |= {each.id: each for each in approvals}
        return await self.draw(approvals[0], attempt)

    async def remind(self, approval: Approval, users: Sequence[UserId], key: str, attempt: int) -> None:
        """Nudge those who can decide."""
        del users, key, attempt
        self._perhaps_fail()
        self.messages.append(MemoryMessage("reminder", approval.place, approval.ask.prompt, approval=approval))

    async def call(self, approvals: Sequence[Approval], users: Sequence[UserId], key: str, attempt: int) -> None:
        """Mention people under the card, once for each key."""
        del attempt
        self._perhaps_fail()
        if not any(message.key == key for message in self.messages):
            self.messages.append(
                MemoryMessage("call", approvals[0].place, " ".join(users), approval=approvals[0], key=key)
            )

    async def copy(self, approvals: Sequence[Approval], user: UserId, attempt: int) -> Copy | None:
        """Post the card to a person, once for each."""
        del attempt
        self._perhaps_fail()
        key, place = f"copy/{approvals[0].id}/{user}", Place(approvals[0].place.team, ChannelId(f"D{user}"))
        if key not in self._posted:
            self._posted[key] = self._ts()
            self.messages.append(MemoryMessage("copy", place, approvals[0].ask.prompt, user, approvals[0], key))
        return Copy(user, place.channel, self._posted[key])

    async def posted_copies(self, approvals: Sequence[Approval], user: UserId) -> Sequence[Copy]:
        """Give the copy that was posted to a person, if there is one."""
        self._perhaps_fail()
        posted = self._posted.get(f"copy/{approvals[0].id}/{user}")
        return [Copy(user, ChannelId(f"D{user}"), posted)] if posted else []

    async def redraw_copy(self, approvals: Sequence[Approval], copy: Copy) -> bool:
        """Redraw a copy; none was deleted."""
        del approvals, copy
        self._perhaps_fail()
        return True

    async def point_to(self, copy: Copy, sentence: str, key: str, attempt: int) -> None:
        """Point a person to their copy."""
        await self.tell(Place(TeamId(""), copy.channel), copy.user, sentence)
        del key, attempt

    async def signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        """Say in the conversation where the card is, once."""
        del attempt
        self._perhaps_fail()
        key = f"signpost/{approvals[0].id}"
        if key not in self._posted:
            self._posted[key] = self._ts()
            self.messages.append(MemoryMessage("signpost", approvals[0].home, approvals[0].ask.prompt, key=key))
        return self._posted[key]

    def live(self, place: Place, viewer: UserId) -> LiveMessage:
        """A message that nobody sees."""
        del place, viewer
        return Unseen()

    async def take_back(self, place: Place, message: MessageTs) -> None:
        """Do nothing: no message can be seen."""

    async def say(
        self,
        place: Place,
        text: str,
        key: str,
        *,
        speaker: str,
        attempt: int,
        at: MessageTs | None = None,
        by: UserId | None = None,
    ) -> None:
        """Post an agent's words, once for each key."""
        del speaker, attempt, at
        text = f"<@{by}> {text}" if by else text
        self._perhaps_fail()
        if not any(message.key == key for message in self.messages):
            self.messages.append(MemoryMessage("said", place, text, key=key))

    async def show_waiting(self, approval: Approval, *, waits: bool) -> None:
        """Show nothing."""

    async def tell(self, place: Place, user: UserId, sentence: str) -> None:
        """Post a sentence that only this person sees."""
        self._perhaps_fail()
        self.messages.append(MemoryMessage("told", place, sentence, user=user))

    def _perhaps_fail(self) -> None:
        error = self._fails()
        if error is not None:
            raise error

    def _ts(self) -> MessageTs:
        self._clock += 1
        return MessageTs(f"{self._clock}.000000")
