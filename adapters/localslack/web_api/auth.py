"""auth.test, api.test, apps.connections.open. Source: https://docs.slack.dev/reference/methods/auth.test."""

from adapters.localslack.delivery.payloads import DOMAIN
from adapters.localslack.delivery.socket_mode import MAX_CONNECTIONS
from adapters.localslack.state.state import Json
from adapters.localslack.web_api.call import ApiCall, SlackError, method
from adapters.localslack.workspace import LocalWorkspace


@method("auth.test")
def auth_test(slack: LocalWorkspace, _call: ApiCall) -> Json:
    """Return the owner of the token."""
    state = slack.state
    return {
        "ok": True,
        "url": f"{slack.base}/",
        "team": DOMAIN,
        "user": state.bot.name,
        "team_id": state.team,
        "user_id": state.bot.id,
        "bot_id": state.bot_id,
        "is_enterprise_install": False,
    }


@method("api.test")
def api_test(_slack: LocalWorkspace, call: ApiCall) -> Json:
    """Echo the arguments, or fail with the requested error. Raises SlackError."""
    if code := call.text("error"):
        raise SlackError(code)
    return {"ok": True, "args": {name: value for name, value in call.args.items() if name != "token"}}


@method("apps.connections.open", app_token=True)
def connect(slack: LocalWorkspace, _call: ApiCall) -> Json:
    """Make the address of one Socket Mode connection. Raises SlackError."""
    if slack.sockets.count >= MAX_CONNECTIONS:
        raise SlackError("too_many_websockets")
    base = slack.base.replace("http", "ws", 1)
    return {"ok": True, "url": f"{base}/link/?ticket={slack.sockets.ticket()}&app_id={slack.state.app_id}"}
