"""views.*. Source: https://docs.slack.dev/reference/methods/views.open and its neighbours."""

from adapters.blockkit import check_home, check_modal
from adapters.localslack.delivery.triggers import TriggerError
from adapters.localslack.state.state import Json
from adapters.localslack.state.views import ViewError
from adapters.localslack.web_api.call import ApiCall, SlackError, method, refuse
from adapters.localslack.workspace import LocalWorkspace


@method("views.open")
def open_view(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Open a modal for the person of a trigger."""
    view = _modal(call)
    return _shown(slack.views.open(_person(slack, call), view))


@method("views.push")
def push(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Open a modal above the open one. Raises SlackError."""
    view, user = _modal(call), _person(slack, call)
    try:
        return _shown(slack.views.push(user, view))
    except ViewError as error:
        raise SlackError(str(error)) from error


@method("views.update")
def update(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Replace an open modal. Raises SlackError."""
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if bool(view_id) == bool(external_id):
        which = "Cannot provide both" if view_id else "Must provide either"
        message = f"[ERROR] {which} `view_id` {'and' if view_id else 'or'} `external_id`"
        raise SlackError("invalid_arguments", response_metadata={"messages": [message]})
    view = _modal(call)
    try:
        return _shown(
            slack.views.update(view, view_id=view_id, external_id=external_id, expected_hash=call.text("hash"))
        )
    except ViewError as error:
        raise SlackError(str(error)) from error


@method("views.publish")
def publish(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Replace a person's home tab. Raises SlackError."""
    user = call.required("user_id")
    if user not in slack.state.people:
        raise SlackError("user_not_found")
    view = _view(call, "home")
    refuse(check_home(view))
    try:
        return _shown(slack.views.publish(user, view, expected_hash=call.text("hash")))
    except ViewError as error:
        raise SlackError(str(error)) from error


def _modal(call: ApiCall) -> Json:
    view = _view(call, "modal")
    refuse(check_modal(view))
    return view


def _view(call: ApiCall, kind: str) -> Json:
    view = call.data("view", "invalid_arguments")
    if isinstance(view, dict) and view.get("type", kind) == kind:
        return view
    found = isinstance(view, dict)
    wrong = f"unsupported type: {view['type']} [json-pointer:/view/type]" if found else "missing required field: view"
    raise SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {wrong}"]})


def _person(slack: LocalWorkspace, call: ApiCall) -> str:
    try:
        return slack.triggers.redeem(call.required("trigger_id"))
    except TriggerError as error:
        raise SlackError(str(error)) from error


def _shown(view: Json) -> Json:
    return {"ok": True, "view": view}
