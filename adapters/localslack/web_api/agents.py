"""The methods agents.sessions.*. Source: https://docs.slack.dev/reference/methods/agents.sessions.setStatus.

A session belongs to a thread. Slack does not document its errors for an invalid status or an unknown thread, so these
are the general ones.
"""

from adapters.localslack.state.state import Json
from adapters.localslack.web_api.call import ApiCall, SlackError, joined, method
from adapters.localslack.workspace import LocalWorkspace

STATUSES = ("active", "processing", "suspended", "closed")
LONGEST_TITLE = 200
_NOT_SUBSCRIBED = "missing_agent_session_stopped_event_subscription"


@method("agents.sessions.setStatus", "chat:write")
def set_status(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Set the status of a thread's session; begin one if there is none. Raises SlackError."""
    status, title = call.required("status"), call.text("title")
    channel, thread_ts = joined(slack, call.required("channel_id")), call.required("thread_ts")
    if status not in STATUSES:
        raise SlackError("invalid_arguments", response_metadata={"messages": ["[ERROR] must be a status: status"]})
    if len(title) > LONGEST_TITLE:
        raise SlackError("invalid_arguments", response_metadata={"messages": ["[ERROR] too long: title"]})
    if thread_ts not in channel.messages:
        raise SlackError("thread_not_found")
    known = channel.sessions.get(thread_ts, {"title": title})
    channel.sessions[thread_ts] = {**known, "status": status}
    slack.state.changed()
    return {"ok": True, "warning": _NOT_SUBSCRIBED, **channel.sessions[thread_ts]}
