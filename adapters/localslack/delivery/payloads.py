"""The JSON that Slack sends to an app, field for field.

Sources: https://docs.slack.dev/reference/events (each event's page), https://docs.slack.dev/apis/events-api#callback-field,
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload and .../view-interactions-payload
"""

import base64
import time

from adapters.localslack.state import ids
from adapters.localslack.state.roster import Member
from adapters.localslack.state.state import BROADCAST, Channel, Json, WorkspaceState

DOMAIN = "localslack"
_FAMILIES = {"channel": "channel", "private": "group"}
_CHANNEL_TYPES = {"channel": "channel", "private": "group", "dm": "im"}


class Payloads:
    """Builds payloads for the installed app."""

    def __init__(self, state: WorkspaceState, verification_token: str) -> None:
        self._state = state
        self._token = verification_token

    def event(self, event: Json, channel: Channel | None = None) -> Json:
        """Wrap an event in its callback."""
        state = self._state
        where = channel.id if channel else ""
        context = f'{{"et":"{event["type"]}","tid":"{state.team}","aid":"{state.app_id}","cid":"{where}"}}'
        authorization = {
            "enterprise_id": None,
            "team_id": state.team,
            "user_id": state.bot.id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        return {
            "token": self._token,
            "team_id": state.team,
            "context_team_id": state.team,
            "context_enterprise_id": None,
            "api_app_id": state.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": ids.fresh("Ev"),
            "event_time": int(time.time()),
            "authorizations": [authorization],
            "is_ext_shared_channel": channel.shared if channel else False,
            "event_context": "4-" + base64.urlsafe_b64encode(context.encode()).decode(),
        }

    def message(self, channel: Channel, message: Json) -> Json:
        """Build the `message` event of a new message."""
        event = {name: value for name, value in message.items() if name != "edited"}
        if message.get("subtype") == BROADCAST and (root := channel.messages.get(message["thread_ts"])) is not None:
            event["root"] = root
        event |= {"channel": channel.id, "event_ts": message["ts"], "channel_type": _CHANNEL_TYPES[channel.kind]}
        return self.event(event, channel)

    def mention(self, channel: Channel, message: Json) -> Json:
        """Build the `app_mention` event of a message."""
        kept = (
            "user",
            "text",
            "ts",
            "thread_ts",
            "client_msg_id",
            "team",
            "blocks",
            "user_team",
            "source_team",
            "files",
        )
        event = {"type": "app_mention"} | {name: message[name] for name in kept if name in message}
        return self.event(event | {"channel": channel.id, "event_ts": message["ts"]}, channel)

    def changed(self, channel: Channel, message: Json, before: Json) -> Json:
        """Build the `message_changed` event of an edit."""
        message, before = _without_metadata(message), _without_metadata(before)
        return self._hidden(channel, {"subtype": "message_changed", "message": message, "previous_message": before})

    def deleted(self, channel: Channel, before: Json) -> Json:
        """Build the `message_deleted` event."""
        previous = _without_metadata(before)
        fields = {"subtype": "message_deleted", "deleted_ts": before["ts"], "previous_message": previous}
        return self._hidden(channel, fields)

    def joined(self, channel: Channel, person: Member, inviter: Member) -> Json:
        """Build `member_joined_channel`."""
        event = {"type": "member_joined_channel", "user": person.id, "channel": channel.id, "channel_type": "C"}
        event |= {"team": self._state.team, "inviter": inviter.id, "event_ts": self._state.times.next()}
        return self.event(event, channel)

    def of_channel(self, channel: Channel, what: str, **more: str) -> Json:
        """Build a channel event such as `channel_archive`; a private channel's is named `group_...`."""
        event = {"type": f"{_FAMILIES[channel.kind]}_{what}", "channel": channel.id, **more}
        return self.event(event | {"event_ts": self._state.times.next()}, channel)

    def renamed(self, channel: Channel) -> Json:
        """Build `channel_rename` or `group_rename`."""
        named = {"id": channel.id, "name": channel.name, "name_normalized": channel.name, "created": 1_700_000_000}
        named |= {"is_channel": channel.kind == "channel", "is_mpim": False}
        event = {"type": f"{_FAMILIES[channel.kind]}_rename", "channel": named}
        return self.event(event | {"event_ts": self._state.times.next()}, channel)

    def home_opened(self, person: Member, tab: str) -> Json:
        """Build `app_home_opened`."""
        event: Json = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": self._state.dm_id(person.id),
            "tab": tab,
        }
        if tab == "home" and person.id in self._state.homes:
            event["view"] = self._state.homes[person.id]
        return self.event(event | {"event_ts": self._state.times.next()})

    def interaction(self, kind: str, person: Member, trigger_id: str | None) -> Json:
        """Begin the payload of a click or form."""
        payload = {
            "type": kind,
            "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.sent_team},
            "api_app_id": self._state.app_id,
            "token": self._token,
            "team": {"id": self._state.team, "domain": DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
        }
        return payload | ({"trigger_id": trigger_id} if trigger_id else {})

    def command(self, person: Member, channel: Channel, command: str, text: str, **urls: str) -> Json:
        """Build a slash command's form."""
        return {
            "token": self._token,
            "team_id": self._state.team,
            "team_domain": DOMAIN,
            "channel_id": channel.id,
            "channel_name": channel_name(channel),
            "user_id": person.id,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": self._state.app_id,
            "is_enterprise_install": "false",
            **urls,
        }

    def _hidden(self, channel: Channel, fields: Json) -> Json:
        ts = self._state.times.next()
        where = {"channel": channel.id, "channel_type": _CHANNEL_TYPES[channel.kind]}
        return self.event({"type": "message", "hidden": True, **fields, **where, "ts": ts, "event_ts": ts}, channel)


def _without_metadata(message: Json) -> Json:
    """Return a message as events quote it: without metadata, which an app must not rely on there."""
    return {name: value for name, value in message.items() if name != "metadata"}


def channel_name(channel: Channel) -> str:
    """Return a channel's name as payloads carry it."""
    return {"dm": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)
