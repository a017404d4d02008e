"""Messages to people in Slack."""

from collections.abc import Sequence
from typing import Protocol

from engine.approvals.approval import Approval, Copy, Place
from engine.budget import NotYet, Wish
from engine.ids import MessageTs, SheetId, UserId


class ChatFailedError(Exception):
    """A write failed and may succeed the next time. It may have reached Slack all the same."""


class CannotPostError(Exception):
    """The bot cannot post in a place until somebody changes something there.

    `sentence` is trusted mrkdwn: where, why, and what to do. `forever`: nothing can be done about it. `unseen`: there
    is no such place, or none that the bot can see; it is gone for good if it is known to be deleted.
    """

    def __init__(self, code: str, sentence: str, *, forever: bool = False, unseen: bool = False) -> None:
        super().__init__(f"cannot post: {code}")
        self.code, self.sentence, self.forever, self.unseen = code, sentence, forever, unseen


class Chat(Protocol):
    """Messages to people. Each call may be made many times for the same thing.

    `draw`, `draw_sheet`, `remind` and `say` raise CannotPostError if the bot cannot post there now, ChatFailedError if
    trying again soon may help, and Later before anything is written.
    """

    async def draw(self, approval: Approval, attempt: int) -> MessageTs:
        """Post the card, or update the posted one; returns its `ts`. A closed card that was deleted stays away.

        If `attempt` is above 1, an earlier attempt may have posted it, or may still do so: it is looked up by the
        approval's id in the message metadata, and duplicates of the card are removed.
        """

    async def draw_sheet(self, sheet: SheetId, approvals: Sequence[Approval], attempt: int) -> MessageTs:
        """Post or update the message that several approvals of one thread share, in the order given."""

    async def remind(self, approval: Approval, users: Sequence[UserId], key: str, attempt: int) -> None:
        """Remind these people, who can decide, in the thread under the card, once for each key."""

    async def call(self, approvals: Sequence[Approval], users: Sequence[UserId], key: str, attempt: int) -> None:
        """Mention these people in the thread under the card, once for each key.

        Here and below, `approvals` are one approval with a card of its own, or all that share a sheet.
        """

    async def copy(self, approvals: Sequence[Approval], user: UserId, attempt: int) -> Copy | None:
        """Post a copy of the card in a person's direct messages, once. None: they accept none from the bot."""

    async def posted_copies(self, approvals: Sequence[Approval], user: UserId) -> Sequence[Copy]:
        """Find the copies that attempts may have posted for a person before they were cut off, the oldest first."""

    async def redraw_copy(self, approvals: Sequence[Approval], copy: Copy) -> bool:
        """Update a copy. False: it is gone."""

    async def point_to(self, copy: Copy, sentence: str, key: str, attempt: int) -> None:
        """Point a person to their copy of the card by a message of its own, once for each key."""

    async def signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        """Say in the conversation where the card is, and how it was decided. None: the message is gone."""

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
        """Post the agent's words in full, however long; they replace the live message `at`, if there is one.

        `by`: the text tells what this person did, and begins with their name.
        """

    def live(self, place: Place, viewer: UserId) -> "LiveMessage":
        """A message that shows the words of a run while it runs; nothing is posted yet."""

    async def take_back(self, place: Place, message: MessageTs) -> None:
        """Delete a live message, if it is still there."""

    async def tell(self, place: Place, user: UserId, sentence: str) -> None:
        """Show one sentence to this person alone."""

    async def show_waiting(self, approval: Approval, *, waits: bool) -> None:
        """Show in an approval's conversation whether its agent waits for people. Optional: it never fails."""


class Budget(Protocol):
    """The budget of Slack API calls that all processes of a bot share: see `engine.budget`. It never raises."""

    async def take(self, wish: Wish) -> NotYet | None:
        """Ask to make calls. None: make them now; otherwise ask again later, with the same key."""

    async def shut(self, bucket: str, seconds: float) -> None:
        """Record that Slack refuses the calls of a bucket for so many seconds."""


class LiveMessage(Protocol):
    """Words that appear while the agent works. The reply replaces them, so nothing depends on them."""

    @property
    def ts(self) -> MessageTs | None:
        """The message's `ts`, once it is posted."""

    async def show(self, words: str, speaker: str, step: str) -> float:
        """Show the words so far (untrusted) and the running step; returns the seconds until it may be called again.

        It raises nothing but cancellation: what cannot be shown is left out.
        """

    async def close(self) -> None:
        """End the message: nothing more is shown in it."""
