"""chat.*: post, update, delete, ephemeral, permalink. Source: https://docs.slack.dev/reference/methods/chat.postMessage."""

from typing import Any

from adapters.blockkit import check_message, limits
from adapters.localslack.state import blocks as block_tools
from adapters.localslack.state.state import BROADCAST, Channel, Json
from adapters.localslack.web_api.call import ApiCall, SlackError, joined, method, postable, readable, refuse
from adapters.localslack.workspace import NO_PREVIEW, LocalWorkspace


@method("chat.postMessage", "chat:write")
def post_message(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Post a message. Raises SlackError."""
    channel = postable(slack, call.required("channel"))
    blocks = _content(call, limits.MESSAGE_TEXT)
    thread_ts = call.text("thread_ts") or None
    if thread_ts is not None and thread_ts not in channel.messages:
        raise SlackError("thread_not_found")
    subtype = BROADCAST if thread_ts and call.flag("reply_broadcast") else None
    message = slack.bot_message(call.text("text"), blocks, metadata=_metadata(call), subtype=subtype)
    message = slack.post(channel, message, thread_ts)
    return {"ok": True, "channel": channel.id, "ts": message["ts"], "message": message}


@method("chat.postEphemeral", "chat:write")
def post_ephemeral(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Show a message to one person. Raises SlackError."""
    channel = postable(slack, call.required("channel"))
    user = call.required("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    message = slack.bot_message(call.text("text"), _content(call, limits.MESSAGE_TEXT))
    message = slack.show(channel, user, message, call.text("thread_ts") or None)
    return {"ok": True, "message_ts": message["ts"]}


@method("chat.update", "chat:write")
def update(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Change a message of the bot. Blocks not given are kept; an empty array removes them. Raises SlackError."""
    channel, message = _own(slack, call, "cant_update_message")
    if channel.archived:
        raise SlackError("is_inactive")
    if message.get("streaming") is not None:
        raise SlackError("streaming_state_conflict")
    if call.flag("reply_broadcast"):
        return _changed(slack, channel, message, _broadcast(call, message))
    blocks = _content(call, limits.UPDATE_TEXT)
    changes: dict[str, Any] = {}
    if call.args.get("text") is not None or blocks is not None:
        changes["text"] = call.text("text") or NO_PREVIEW
    if blocks is not None:
        changes["blocks"] = block_tools.stored(blocks)
    if (metadata := _metadata(call)) is not None:
        changes["metadata"] = metadata
    return _changed(slack, channel, message, changes)


def _broadcast(call: ApiCall, message: Json) -> Json:
    """Show a reply in its channel, too. Slack takes this as a separate call that changes nothing else."""
    if call.args.get("text") is not None or call.args.get("blocks") is not None:
        raise SlackError("no_dual_broadcast_content_update")
    if message.get("thread_ts", message["ts"]) == message["ts"]:
        raise SlackError("cant_broadcast_message")
    return {"subtype": BROADCAST}


def _changed(slack: LocalWorkspace, channel: Channel, message: Json, changes: Json) -> Json:
    changed = slack.edit(channel, message, changes)
    return {"ok": True, "channel": channel.id, "ts": message["ts"], "text": changed["text"], "message": changed}


@method("chat.delete", "chat:write")
def delete(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Delete a message of the bot."""
    channel, message = _own(slack, call, "cant_delete_message")
    for told in slack.delete(channel, message):
        slack.dispatcher.later(told)
    return {"ok": True, "channel": channel.id, "ts": message["ts"]}


@method("chat.getPermalink")
def permalink(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Return a message's address: the page, opened at the message. Raises SlackError."""
    channel = readable(slack, call.required("channel"))
    ts = call.required("message_ts")
    if ts not in channel.messages:
        raise SlackError("message_not_found")
    thread_ts = channel.messages[ts].get("thread_ts")
    query = f"?thread_ts={thread_ts}&cid={channel.id}" if thread_ts and thread_ts != ts else ""
    link = f"{slack.base}/archives/{channel.id}/p{ts.replace('.', '')}{query}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def _own(slack: LocalWorkspace, call: ApiCall, refusal: str) -> tuple[Channel, Json]:
    channel = joined(slack, call.required("channel"))
    message = channel.messages.get(call.required("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.get("bot_id") != slack.state.bot_id:
        raise SlackError(refusal)
    return channel, message


def _content(call: ApiCall, text_limit: int) -> list[Json] | None:
    blocks = call.data("blocks", "invalid_blocks_format")
    message = {"text": call.text("text"), "blocks": blocks, "attachments": call.args.get("attachments")}
    refuse(check_message(message, text_limit=text_limit))
    return None if blocks is None else list(blocks)


def _metadata(call: ApiCall) -> Json | None:
    metadata = call.data("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not metadata.get("event_type") or "event_payload" not in metadata:
        raise SlackError("invalid_metadata_format")
    return metadata
