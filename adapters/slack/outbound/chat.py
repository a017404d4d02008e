"""The port `Chat` on Slack's Web API: passes each call to the module that posts such messages."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.outbound import personal
from adapters.slack.outbound.agent_words import AgentWords
from adapters.slack.outbound.cards import Cards
from adapters.slack.outbound.copies import Copies
from adapters.slack.outbound.live import Crowd, SlackLive
from adapters.slack.outbound.notices import Notices
from adapters.slack.outbound.posts import Posts
from adapters.slack.outbound.sessions import Sessions
from adapters.slack.workspace.pacing import Pace
from engine.approvals.approval import Approval, Copy, Place
from engine.ids import AgentName, MessageTs, SheetId, UserId
from engine.ports import LiveMessage

CLOCKS_DIFFER = timedelta(minutes=10)
"""The most that the clocks of this machine and of Slack may differ."""


class SlackChat:
    """Implements `engine.ports.Chat`. `bot` is the bot's user id: only its own messages are found again."""

    def __init__(
        self,
        client: AsyncWebClient,
        bot: UserId,
        pace: Pace | None = None,
        *,
        together: Collection[AgentName] = (),
        ahead: timedelta = CLOCKS_DIFFER,
    ) -> None:
        """`together` are the agents that get the answers of parallel interrupts all at once: their sheets say so.

        `ahead` is how far the bot's clock may be ahead of Slack's: a search for messages starts that much earlier.
        """
        self._client, self._pace = client, pace or Pace()
        self._posts = Posts(client, bot, self._pace, ahead)
        self._cards = Cards(client, self._posts, together)
        self._copies = Copies(self._posts, self._cards)
        self._notices = Notices(self._posts)
        self._words = AgentWords(client, self._posts)
        self._sessions, self._crowd = Sessions(client, self._pace), Crowd()

    async def draw(self, approval: Approval, attempt: int) -> MessageTs:
        """Post a card, or redraw the posted one. Raises Later, SlackRefused and CannotPostError."""
        return await self._cards.draw(approval, attempt)

    async def draw_sheet(self, sheet: SheetId, approvals: Sequence[Approval], attempt: int) -> MessageTs:
        """Post a sheet, or redraw the posted one. Raises Later, SlackRefused and CannotPostError."""
        return await self._cards.draw_sheet(sheet, approvals, attempt)

    async def copy(self, approvals: Sequence[Approval], user: UserId, attempt: int) -> Copy | None:
        """Post the card in somebody's direct messages, once; None if they take none. Raises Later, SlackRefused."""
        return await self._copies.post(approvals, user, attempt)

    async def posted_copies(self, approvals: Sequence[Approval], user: UserId) -> Sequence[Copy]:
        """Find the card in somebody's direct messages. Raises Later and SlackRefused."""
        return await self._copies.posted(approvals, user)

    async def redraw_copy(self, approvals: Sequence[Approval], copy: Copy) -> bool:
        """Redraw a copy; False if it is gone. Raises Later, SlackRefused and CannotPostError."""
        return await self._copies.redraw(approvals, copy)

    async def point_to(self, copy: Copy, sentence: str, key: str, attempt: int) -> None:
        """Post a message that links to a copy. Raises Later, SlackRefused and CannotPostError."""
        await self._copies.point_to(copy, sentence, key, attempt)

    async def remind(self, approval: Approval, users: Sequence[UserId], key: str, attempt: int) -> None:
        """Remind people in the thread under the card. Raises Later, SlackRefused and CannotPostError."""
        await self._notices.remind(approval, users, key, attempt)

    async def call(self, approvals: Sequence[Approval], users: Sequence[UserId], key: str, attempt: int) -> None:
        """Mention people in the thread under the card. Raises Later, SlackRefused and CannotPostError."""
        await self._notices.call(approvals, users, key, attempt)

    async def signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        """Say in the conversation where the card is and how it ended. Raises Later, SlackRefused, CannotPostError."""
        return await self._notices.signpost(approvals, attempt)

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
        """Post an agent's words; `at` is a live message to replace. Raises Later, SlackRefused and CannotPostError."""
        await self._words.say(place, text, key, speaker=speaker, attempt=attempt, at=at, by=by)

    def live(self, place: Place, viewer: UserId) -> LiveMessage:
        """A message that will show the words of a run while it runs."""
        return SlackLive(self._client, place, viewer, self._crowd, self._pace)

    async def take_back(self, place: Place, message: MessageTs) -> None:
        """Remove a live message. Raises Later, SlackRefused and CannotPostError."""
        await self._posts.remove(place, message)

    async def tell(self, place: Place, user: UserId, sentence: str) -> None:
        """Show a sentence to one person, in a direct message if need be. Raises Later and SlackRefused."""
        await personal.tell(self._client, place, user, sentence)

    async def show_waiting(self, approval: Approval, *, waits: bool) -> None:
        """Suspend the agent's session in the conversation's thread, or let it be active."""
        await self._sessions.show(approval, waits=waits)

    async def aclose(self) -> None:
        """Drop the session statuses that were still to be shown."""
        await self._sessions.aclose()
