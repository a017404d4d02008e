"""The running workspace: it posts, changes and deletes messages, and sends the bot an event for each."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.blockkit import check_view
from adapters.localslack.delivery.deliveries import Delivery, DeliveryOutcome, Dispatcher
from adapters.localslack.delivery.payloads import Payloads
from adapters.localslack.delivery.socket_mode import BotSockets
from adapters.localslack.delivery.triggers import ResponseUrls, Triggers
from adapters.localslack.faults import Faults
from adapters.localslack.state import blocks as block_tools
from adapters.localslack.state import rich_text
from adapters.localslack.state.roster import Member
from adapters.localslack.state.secrets_file import AppSecrets
from adapters.localslack.state.state import Channel, Json, WorkspaceState
from adapters.localslack.state.uploads import Uploads
from adapters.localslack.state.views import Views

TOMBSTONE = "tombstone"
NO_PREVIEW = "This content can't be displayed."


@dataclass(frozen=True, slots=True)
class LocalWorkspace:
    """The parts of a running workspace. `base` is its address, without a final slash."""

    base: str
    state: WorkspaceState
    secrets: AppSecrets
    scopes: frozenset[str]
    views: Views
    uploads: Uploads
    triggers: Triggers
    response_urls: ResponseUrls
    sockets: BotSockets
    dispatcher: Dispatcher
    payloads: Payloads
    faults: Faults

    @property
    def granted(self) -> frozenset[str]:
        """The current scopes of the bot's token."""
        return self.scopes - self.faults.lacking

    def said(self, person: Member, channel: Channel, text: str, thread_ts: str | None) -> Json:
        """Store a person's message, without an event for the bot yet."""
        resolved = rich_text.resolve(text, self.state)
        message: Json = {
            "type": "message",
            "user": person.id,
            "text": resolved,
            "ts": self.state.times.next(),
            "client_msg_id": str(uuid.uuid4()),
            "team": self.state.team if person.teams else person.team,
            "blocks": [rich_text.block(resolved)],
        }
        if person.sent_team != self.state.team:
            message |= {"user_team": person.sent_team, "source_team": person.sent_team}
        return self._store(channel, message, thread_ts)

    def events_of(self, channel: Channel, message: Json) -> list[Delivery]:
        """List the bot's events for a new message: the message, and the mention if there is one."""
        if self.state.bot.id not in channel.members:
            return []
        told = [Delivery("events_api", self.payloads.message(channel, message))]
        mentioned = f"<@{self.state.bot.id}>" in message["text"]
        if mentioned and channel.kind != "dm" and message.get("user") != self.state.bot.id:
            told.append(Delivery("events_api", self.payloads.mention(channel, message)))
        return told

    def bot_message(self, text: str, blocks: list[Json] | None, **more: Any) -> Json:
        """Make a message of the bot, not yet stored."""
        message: Json = {
            "type": "message",
            "user": self.state.bot.id,
            "bot_id": self.state.bot_id,
            "app_id": self.state.app_id,
            "text": text or NO_PREVIEW,
            "ts": self.state.times.next(),
            "team": self.state.team,
            "bot_profile": self.bot_profile(),
        }
        if blocks:
            message["blocks"] = block_tools.stored(blocks)
        return message | {name: value for name, value in more.items() if value is not None}

    def post(self, channel: Channel, message: Json, thread_ts: str | None = None) -> Json:
        """Store a message of the bot and announce it."""
        stored = self._store(channel, message, thread_ts)
        for delivery in self.events_of(channel, stored):
            self.dispatcher.later(delivery)
        return stored

    def edit(self, channel: Channel, before: Json, changes: Mapping[str, Any]) -> Json:
        """Change a message and announce the change."""
        edited = {"user": self.state.bot.id, "ts": self.state.times.next()}
        message = {**before, **changes, "edited": edited}
        self.state.put_message(channel, message)
        self._announce(channel, self.payloads.changed(channel, message, before))
        return message

    def delete(self, channel: Channel, before: Json) -> list[Delivery]:
        """Delete a message and return the bot's events. One with replies becomes a tombstone until they are deleted."""
        if channel.replies.get(before["ts"]):
            tombstone = _tombstone(before)
            self.state.put_message(channel, tombstone)
            return self._events(channel, self.payloads.changed(channel, tombstone, before))
        self.state.drop_message(channel, before["ts"])
        told = self._events(channel, self.payloads.deleted(channel, before))
        root = channel.messages.get(before.get("thread_ts", ""))
        if root is not None and root.get("subtype") == TOMBSTONE and not channel.replies.get(root["ts"]):
            told += self.delete(channel, root)
        return told

    def joins(self, channel: Channel, *, by: Member) -> list[Delivery]:
        """Add the bot to a channel."""
        self.state.put_channel(channel, members=sorted(channel.members | {self.state.bot.id}))
        return self._events(channel, self.payloads.joined(channel, self.state.bot, by))

    def leaves(self, channel: Channel, *, by: Member) -> list[Delivery]:
        """Remove the bot from a channel."""
        self.state.put_channel(channel, members=sorted(channel.members - {self.state.bot.id}))
        return [Delivery("events_api", self.payloads.of_channel(channel, "left", actor_id=by.id))]

    def archive(self, channel: Channel, *, by: Member, archived: bool) -> list[Delivery]:
        """Archive a channel, or unarchive it."""
        self.state.put_channel(channel, archived=archived)
        what = "archive" if archived else "unarchive"
        return self._known(channel, self.payloads.of_channel(channel, what, user=by.id))

    def rename(self, channel: Channel, name: str) -> list[Delivery]:
        """Give a channel another name."""
        self.state.put_channel(channel, name=name)
        return self._known(channel, self.payloads.renamed(channel))

    def remove(self, channel: Channel, *, by: Member) -> list[Delivery]:
        """Delete a channel with all its messages."""
        told = self._known(channel, self.payloads.of_channel(channel, "deleted", actor_id=by.id))
        self.state.drop_channel(channel)
        return told

    def show(self, channel: Channel, user: str, message: Json, thread_ts: str | None = None) -> Json:
        """Show an ephemeral message to one person."""
        shown = message | ({"thread_ts": thread_ts} if thread_ts else {})
        self.state.put_ephemeral(channel, user, shown)
        return shown

    def bot_profile(self) -> Json:
        """Return the app's profile, as its messages carry it."""
        state = self.state
        icons = {"image_36": "", "image_48": "", "image_72": ""}
        return {
            "id": state.bot_id,
            "app_id": state.app_id,
            "name": state.bot.name,
            "user_id": state.bot.id,
            "icons": icons,
            "deleted": False,
            "updated": 0,
            "team_id": state.team,
        }

    def _store(self, channel: Channel, message: Json, thread_ts: str | None) -> Json:
        root = channel.messages.get(thread_ts) if thread_ts else None
        if thread_ts:
            thread_ts = root.get("thread_ts", thread_ts) if root else thread_ts
            message = {**message, "thread_ts": thread_ts}
            if root and root.get("user"):
                message["parent_user_id"] = channel.messages.get(thread_ts, root)["user"]
        self.state.put_message(channel, message)
        return message

    def _announce(self, channel: Channel, payload: Json) -> None:
        for delivery in self._events(channel, payload):
            self.dispatcher.later(delivery)

    def _events(self, channel: Channel, payload: Json) -> list[Delivery]:
        """Return the events that the bot gets as a member of the channel."""
        return [Delivery("events_api", payload)] if self.state.bot.id in channel.members else []

    def _known(self, channel: Channel, payload: Json) -> list[Delivery]:
        """Return the bot's events for a channel it can see: any public one, a private one as its member."""
        return [Delivery("events_api", payload)] if channel.kind == "channel" else self._events(channel, payload)


def _tombstone(before: Json) -> Json:
    """Return the tombstone of a deleted message that has replies."""
    kept = {name: before[name] for name in before if name.startswith("reply_") or name in ("ts", "latest_reply")}
    tombstone = {"type": "message", "subtype": TOMBSTONE, "text": "This message was deleted.", "hidden": True}
    return tombstone | kept | {"user": "USLACKBOT", "thread_ts": before["ts"], "is_locked": False}


def view_problem(given: Any) -> str:
    """Return the reason why a view in an ack cannot be shown; "" if it can."""
    return "; ".join(problem.message for problem in check_view(given))


NOTHING_TO_ACK = DeliveryOutcome(acked=True, ms=0.0, response={})
