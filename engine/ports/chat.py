"""What is written to people in Slack."""

from collections.abc import Sequence
from typing import Protocol

from engine.approvals.approval import Approval, Copy, Place
from engine.budget import NotYet, Wish
from engine.ids import MessageTs, SheetId, UserId


class ChatFailedError(Exception):
    """Something could not be written, and may be the next time. Nobody knows whether it was written all the same."""


class CannotPostError(Exception):
    """Something was not written in a place, and cannot be until somebody does something about it.

    `sentence` is trusted mrkdwn: where, why, and what to do. `forever`: nobody can do anything about it. `unseen`:
    there is no such place, or none that the bot may see; so nobody can where it is known to be deleted.
    """

    def __init__(self, code: str, sentence: str, *, forever: bool = False, unseen: bool = False) -> None:
        super().__init__(f"cannot post: {code}")
        self.code, self.sentence, self.forever, self.unseen = code, sentence, forever, unseen


class Chat(Protocol):
    """What is written to people. Each call may be made many times for the same thing.

    `draw`, `draw_sheet`, `remind` and `say` raise CannotPostError where the place takes nothing now, ChatFailedError
    where trying again soon may help, and Later before anything is written.
    """

    async def draw(self, approval: Approval, attempt: int) -> MessageTs:
        """Post the card, or make the posted one true; returns its `ts`. A closed one that was deleted stays away.

        Where `attempt` is above 1, an earlier attempt may have posted it, or post it still: it is looked for by the
        approval's id in the message metadata, and copies of the card are removed.
        """

    async def draw_sheet(self, sheet: SheetId, approvals: Sequence[Approval], attempt: int) -> MessageTs:
        """The same for the message that several approvals of one thread share, in the order given."""

    async def remind(self, approval: Approval, users: Sequence[UserId], key: str, attempt: int) -> None:
        """Nudge these people, who can decide, in the thread under the card, once for each key."""

    async def call(self, approvals: Sequence[Approval], users: Sequence[UserId], key: str, attempt: int) -> None:
        """Mention these people in the thread under the card, once for each key.

        Here and below, `approvals` are one with a card of its own, or all that share a sheet.
        """

    async def copy(self, approvals: Sequence[Approval], user: UserId, attempt: int) -> Copy | None:
        """Post the card in somebody's direct messages, once; None where they take none."""

    async def redraw_copy(self, approvals: Sequence[Approval], copy: Copy) -> bool:
        """Make a copy true; False where it is gone."""

    async def point_to(self, copy: Copy, sentence: str, key: str, attempt: int) -> None:
        """Tell somebody of their copy of the card by a message of its own, once for each key."""

    async def signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        """Say in the conversation where the card stands, and what became of it. None: the message is gone."""

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
        """Say what the agent says, whole, however long; in the place of the live message `at`, if there is one.

        `by`: the text tells what this person did, and begins with their name.
        """

    def live(self, place: Place, viewer: UserId) -> "LiveMessage":
        """A message that will show what a run says while it runs; nothing is posted yet."""

    async def take_back(self, place: Place, message: MessageTs) -> None:
        """Remove a live message; one that is gone is fine."""

    async def tell(self, place: Place, user: UserId, sentence: str) -> None:
        """One sentence that only this person sees."""

    async def show_waiting(self, approval: Approval, *, waits: bool) -> None:
        """Show in an approval's conversation whether its agent waits for people. An aid: it never fails."""


class Budget(Protocol):
    """The calls of Slack's API that all processes of a bot make together: see `engine.budget`. It never raises."""

    async def take(self, wish: Wish) -> NotYet | None:
        """None: make the calls now. Else ask again, with the same key."""

    async def shut(self, bucket: str, seconds: float) -> None:
        """Slack refuses the calls of a bucket for so long."""


class LiveMessage(Protocol):
    """Words that appear while the agent works: an aid, which the reply replaces, so nothing depends on it."""

    @property
    def ts(self) -> MessageTs | None:
        """The message, once one is posted."""

    async def show(self, words: str, speaker: str, step: str) -> float:
        """Show the words so far (untrusted) and what runs now; gives the seconds until it may be shown again.

        Never raises but for cancellation: what cannot be shown is not shown.
        """

    async def close(self) -> None:
        """No more will be shown here."""
