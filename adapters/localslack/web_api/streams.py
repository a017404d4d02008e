"""The methods chat.startStream, appendStream, stopStream: a reply that grows while people read it.

A stream is in a thread; in a channel it names its recipient. A message that is not streaming, or no longer, is refused
with `message_not_in_streaming_state`. Slack ends a stream by itself after some minutes; here `/faults` simulates that.
Source: https://docs.slack.dev/reference/methods/chat.startStream
"""

from adapters.blockkit import check_message, limits
from adapters.localslack.state.state import Channel, Json
from adapters.localslack.web_api.call import ApiCall, SlackError, joined, method, postable, refuse
from adapters.localslack.workspace import LocalWorkspace

STREAMING = "streaming"
"""The field of a message that is a stream: the tasks it shows, by id."""


@method("chat.startStream", "chat:write")
def start(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Begin a streamed reply in a thread. Raises SlackError."""
    channel, thread_ts = postable(slack, call.required("channel")), call.required("thread_ts")
    if thread_ts not in channel.messages:
        raise SlackError("thread_not_found")
    if channel.kind != "dm":
        call.required("recipient_user_id")
        call.required("recipient_team_id")
    message = slack.bot_message("", None)
    message[STREAMING] = {}
    message = slack.post(channel, _appended(message, call), thread_ts)
    return {"ok": True, "channel": channel.id, "ts": message["ts"]}


@method("chat.appendStream", "chat:write")
def append(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Add to a stream."""
    channel, message = _stream(slack, call)
    appended = _appended(message, call)
    slack.edit(channel, message, {name: appended[name] for name in ("text", "blocks", STREAMING)})
    return {"ok": True, "channel": channel.id, "ts": message["ts"]}


@method("chat.stopStream", "chat:write")
def stop(slack: LocalWorkspace, call: ApiCall) -> Json:
    """End a stream; given blocks are added below it."""
    channel, message = _stream(slack, call)
    appended = _appended(message, call)
    blocks = [*appended["blocks"], *(call.data("blocks", "invalid_blocks_format") or ())]
    changed = slack.edit(channel, message, {"text": appended["text"], "blocks": blocks, STREAMING: None})
    return {"ok": True, "channel": channel.id, "ts": message["ts"], "message": changed}


def _stream(slack: LocalWorkspace, call: ApiCall) -> tuple[Channel, Json]:
    channel = joined(slack, call.required("channel"))
    message = channel.messages.get(call.required("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.get("bot_id") != slack.state.bot_id:
        raise SlackError("message_not_owned_by_app")
    if message.get(STREAMING) is None:
        raise SlackError("message_not_in_streaming_state")
    return channel, message


def _appended(message: Json, call: ApiCall) -> Json:
    """Return the message with the call's additions: text at its end, tasks by their ids."""
    chunks = list(call.data("chunks", "invalid_chunks") or ())
    if text := call.text("markdown_text"):
        chunks.insert(0, {"type": "markdown_text", "text": text})
    said, tasks = _markdown(message), dict(message[STREAMING] or {})
    for chunk in chunks:
        match chunk:
            case {"type": "markdown_text", "text": str(more)} if len(more) <= limits.MARKDOWN_TEXT:
                said += more
            case {"type": "markdown_text"}:
                raise SlackError("msg_too_long")
            case {"type": "task_update", "id": str(task), "title": str(title), "status": str(status)}:
                tasks[task] = [title, status]
            case _:
                raise SlackError("invalid_chunks")
    blocks: list[Json] = [{"type": "markdown", "text": said}] if said else []
    blocks += [_task_block(title, status) for title, status in tasks.values()]
    refuse(check_message({"text": said, "blocks": blocks, "attachments": None}, text_limit=limits.MESSAGE_TEXT))
    return {**message, "text": said, "blocks": blocks, STREAMING: tasks}


def _markdown(message: Json) -> str:
    first: Json = next(iter(message.get("blocks", ())), {})
    return str(first["text"]) if first.get("type") == "markdown" else ""


def _task_block(title: str, status: str) -> Json:
    sign = {"complete": "✓", "error": "✗"}.get(status, "⏳")
    return {"type": "context", "elements": [{"type": "plain_text", "text": f"{sign} {title}", "emoji": False}]}
