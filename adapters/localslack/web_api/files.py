"""files.* in three steps. Source: https://docs.slack.dev/reference/methods/files.getUploadURLExternal."""

from adapters.blockkit import check_message
from adapters.localslack.state.state import Json
from adapters.localslack.web_api.call import ApiCall, SlackError, joined, method, refuse
from adapters.localslack.workspace import LocalWorkspace


@method("files.getUploadURLExternal", "files:write")
def upload_url(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Make the URL to which a file's bytes are sent."""
    call.required("length")
    file_id, ticket = slack.uploads.begin(call.required("filename"))
    return {"ok": True, "upload_url": f"{slack.base}/upload/{ticket}", "file_id": file_id}


@method("files.completeUploadExternal", "files:write")
def complete(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Publish uploaded files, and share them in the channel if one is named. Raises SlackError."""
    wanted = call.data("files", "invalid_arguments")
    if not isinstance(wanted, list) or not all(isinstance(each, dict) and "id" in each for each in wanted):
        raise SlackError("invalid_arguments", response_metadata={"messages": ["[ERROR] must provide files with an id"]})
    channel = joined(slack, call.text("channel_id")) if call.text("channel_id") else None
    blocks = call.data("blocks", "invalid_blocks_format")
    if blocks is not None:
        refuse(check_message({"text": call.text("initial_comment"), "blocks": blocks}))
    files = []
    for each in wanted:
        file = slack.uploads.complete(each["id"], each.get("title"), slack.state.bot.id)
        if file is None:
            raise SlackError("file_not_found")
        files.append(file)
    if channel is not None:
        message = slack.bot_message(call.text("initial_comment"), blocks, files=files, upload=True)
        slack.post(channel, message | {"text": call.text("initial_comment")}, call.text("thread_ts") or None)
    return {"ok": True, "files": files}


@method("files.info", "files:read")
def info(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Describe a file. Raises SlackError."""
    file = slack.state.files.get(call.required("file"))
    if file is None:
        raise SlackError("file_not_found")
    return {"ok": True, "file": file}
