"""Interactions of people, from the page or a test, sent to the bot as Slack sends them.

Each function returns the `DeliveryOutcome` of the delivery; a form's outcome carries field errors. An interaction with
something that is not there (a channel, message or button) raises `NoSuchThingError`, with a sentence for the caller.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.blockkit import check_message
from adapters.localslack.delivery.deliveries import Delivery, DeliveryOutcome
from adapters.localslack.delivery.payloads import channel_name
from adapters.localslack.delivery.triggers import ResponseTo
from adapters.localslack.state import blocks as block_tools
from adapters.localslack.state import forms
from adapters.localslack.state.roster import Member
from adapters.localslack.state.state import Channel, Json
from adapters.localslack.workspace import NOTHING_TO_ACK, TOMBSTONE, LocalWorkspace, view_problem

_BUTTONS = ("button", "icon_button", "feedback_buttons")


class NoSuchThingError(LookupError):
    """The thing to use does not exist, or not for this person."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The result of a form or command: the delivery's outcome, and a form's field errors by block_id.

    `error` says why Slack could not do what the bot answered; then `outcome.acked` is false.
    """

    outcome: DeliveryOutcome
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""


async def send(
    slack: LocalWorkspace, person: Member, channel: Channel, text: str, thread_ts: str | None
) -> tuple[str, DeliveryOutcome]:
    """Post a message; return its `ts` and the slowest outcome of its events. Raises NoSuchThingError."""
    if channel.archived:
        raise NoSuchThingError(f"#{channel.name} is archived, so nobody can write there")
    if thread_ts is not None and thread_ts not in channel.messages:
        raise NoSuchThingError(f"no message {thread_ts} to reply to in {channel.name}")
    message = slack.said(person, channel, text, thread_ts)
    deliveries = slack.events_of(channel, message)
    return message["ts"], await deliver_all(slack, deliveries)


async def deliver_all(slack: LocalWorkspace, deliveries: Iterable[Delivery]) -> DeliveryOutcome:
    """Send deliveries to the bot; return the slowest outcome."""
    outcomes = await asyncio.gather(*map(slack.dispatcher.deliver, deliveries))
    if not outcomes:
        return NOTHING_TO_ACK
    acked = all(outcome.acked for outcome in outcomes)
    return DeliveryOutcome(acked=acked, ms=max(outcome.ms for outcome in outcomes), response={})


async def delete(slack: LocalWorkspace, channel: Channel, ts: str) -> DeliveryOutcome:
    """Delete a message, including the bot's, as an admin may. Raises NoSuchThingError."""
    message = channel.messages.get(ts)
    if message is None or message.get("subtype") == TOMBSTONE:
        raise NoSuchThingError(f"there is no message {ts} in {channel.name}")
    return await deliver_all(slack, slack.delete(channel, message))


@dataclass(frozen=True, slots=True)
class Press:
    """The element that a person uses: its action, its block if needed, and the chosen value.

    `stale` also finds a button that an update has removed, as on a page that has not redrawn yet (Slack takes such
    clicks, and so does `/people/click`); a button's own `value` then selects one of its versions.
    """

    action_id: str
    block_id: str | None = None
    value: Any = None
    stale: bool = False


async def click_message(
    slack: LocalWorkspace, person: Member, channel: Channel, ts: str, press: Press
) -> DeliveryOutcome:
    """Use an element of a message, as a click does. Raises NoSuchThingError."""
    seen_by, message = channel.ephemeral.get(ts, (person.id, channel.messages.get(ts)))
    if message is None or seen_by != person.id:
        raise NoSuchThingError(f"{person.name} sees no message {ts} in {channel.name}")
    versions = [message.get("blocks", []), *(reversed(channel.versions.get(ts, ())) if press.stale else ())]
    block, element = _element(versions, press, f"message {ts}")
    is_ephemeral = ts in channel.ephemeral
    container = {"type": "message", "message_ts": ts, "channel_id": channel.id, "is_ephemeral": is_ephemeral}
    thread_ts = message.get("thread_ts")
    respond = ResponseTo(person.id, channel.id, ts, thread_ts if thread_ts and thread_ts != ts else "")
    own = {(block["block_id"], element["action_id"]): _entered(element, press.value)}
    payload = slack.payloads.interaction("block_actions", person, slack.triggers.issue(person.id)) | {
        "container": container | ({"thread_ts": thread_ts} if thread_ts else {}),
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "state": {"values": forms.state_values(message.get("blocks", []), {k: v for k, v in own.items() if v})},
        "response_url": slack.base + slack.response_urls.path(respond),
        "actions": [_action(block, element, press.value)],
    }
    if not is_ephemeral:
        payload["message"] = message
    return await slack.dispatcher.deliver(Delivery("interactive", payload, accepts_response=True))


async def click_view(
    slack: LocalWorkspace, person: Member, view: Json, press: Press, values: Mapping[str, Any]
) -> DeliveryOutcome:
    """Use an element of a modal or home tab; `values` are the person's entries in its other fields."""
    block, element = _element([view["blocks"]], press, "the view")
    drafts = slack.views.drafts(view)
    _fill(view, values, drafts)
    if entered := _entered(element, press.value):
        drafts[block["block_id"], element["action_id"]] = entered
    with_state = slack.views.with_state(view)
    payload = slack.payloads.interaction("block_actions", person, slack.triggers.issue(person.id)) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": with_state,
        "state": with_state["state"],
        "actions": [_action(block, element, press.value)],
    }
    return await slack.dispatcher.deliver(Delivery("interactive", payload, accepts_response=True))


async def submit(slack: LocalWorkspace, person: Member, view: Json, values: Mapping[str, Any]) -> Answered:
    """Submit a modal: the client's own checks come first, then the bot's answer is applied.

    Raises NoSuchThingError.
    """
    if view["submit"] is None:
        raise NoSuchThingError("this view has no submit button")
    drafts = slack.views.drafts(view)
    errors = _fill(view, values, drafts)
    with_state = slack.views.with_state(view)
    errors = forms.missing(view["blocks"], with_state["state"]["values"]) | errors
    if errors:
        return Answered(NOTHING_TO_ACK, errors)
    payload = slack.payloads.interaction("view_submission", person, slack.triggers.issue(person.id))
    payload |= {"view": with_state, "response_urls": []}
    outcome = await slack.dispatcher.deliver(Delivery("interactive", payload, accepts_response=True))
    return _apply_response(slack, person, view, outcome) if outcome.acked else Answered(outcome)


async def close(slack: LocalWorkspace, person: Member, view: Json, *, clear: bool) -> DeliveryOutcome:
    """Close a modal, or all of them."""
    with_state = slack.views.with_state(view)
    if clear or view["clear_on_close"]:
        slack.views.clear(person.id)
    else:
        slack.views.pop(person.id)
    if not view["notify_on_close"]:
        return NOTHING_TO_ACK
    payload = slack.payloads.interaction("view_closed", person, None) | {"view": with_state, "is_cleared": clear}
    return await slack.dispatcher.deliver(Delivery("interactive", payload))


async def command(slack: LocalWorkspace, person: Member, channel: Channel, name: str, text: str) -> Answered:
    """Send a slash command; show the message in its ack in the channel."""
    respond = ResponseTo(person.id, channel.id, "", "")
    urls = {
        "response_url": slack.base + slack.response_urls.path(respond),
        "trigger_id": slack.triggers.issue(person.id),
    }
    payload = slack.payloads.command(person, channel, name, text, **urls)
    outcome = await slack.dispatcher.deliver(Delivery("slash_commands", payload, accepts_response=True))
    answer = outcome.response
    if not outcome.acked or not (answer.get("text") or answer.get("blocks")):
        return Answered(outcome)
    if problems := check_message(answer):
        return Answered(replace(outcome, acked=False), error="; ".join(each.message for each in problems))
    message = slack.bot_message(answer.get("text", ""), answer.get("blocks"))
    if answer.get("response_type") == "in_channel":
        slack.post(channel, message)
    else:
        slack.show(channel, person.id, message)
    return Answered(outcome)


async def open_home(slack: LocalWorkspace, person: Member, tab: str) -> DeliveryOutcome:
    """Open the bot's home tab or its messages tab."""
    return await slack.dispatcher.deliver(Delivery("events_api", slack.payloads.home_opened(person, tab)))


def _element(versions: list[list[Json]], press: Press, where: str) -> tuple[Json, Json]:
    """Find the pressed element in the newest version that has it; a button with a value must have that value."""
    for blocks in versions:
        found = block_tools.find(blocks, press.action_id, press.block_id)
        if found and (found[1]["type"] not in _BUTTONS or press.value in (None, found[1].get("value"))):
            return found
    raise NoSuchThingError(f"{where} has no action {press.action_id!r}")


def _entered(element: Json, value: Any) -> Json | None:
    if element["type"] in _BUTTONS:
        return None
    try:
        return forms.entry(element, value)
    except forms.ValueRefusedError as refused:
        raise NoSuchThingError(f"{element['action_id']!r} does not take {value!r}: {refused}") from refused


def _action(block: Json, element: Json, value: Any) -> Json:
    shown: Json = {
        name: element[name] for name in ("text", "value", "style", "confirm", "placeholder") if name in element
    }
    entered = _entered(element, value) or {}
    identity = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
    return {**shown, **entered, **identity, "action_ts": f"{time.time():.6f}"}


def _fill(view: Json, values: Mapping[str, Any], drafts: dict[tuple[str, str], Json]) -> dict[str, str]:
    try:
        return forms.fill(view["blocks"], values, drafts)
    except KeyError as error:
        raise NoSuchThingError(f"the view has no field {error}") from error


def _apply_response(slack: LocalWorkspace, person: Member, view: Json, outcome: DeliveryOutcome) -> Answered:
    """Apply the bot's ack to the modal.

    Source: https://docs.slack.dev/surfaces/modals#response_actions
    """
    response = outcome.response
    action = response.get("response_action")
    if action == "errors":
        return _show_errors(view, outcome)
    if action in ("update", "push"):
        if problem := view_problem(response.get("view")):
            return Answered(replace(outcome, acked=False), error=problem)
        if action == "push":
            slack.views.push(person.id, response["view"])
        else:
            slack.views.update(response["view"], view_id=view["id"], external_id="", expected_hash="")
    elif action == "clear":
        slack.views.clear(person.id)
    elif action is None:
        slack.views.pop(person.id)
    else:
        return Answered(replace(outcome, acked=False), error=f"unknown response_action {action!r}")
    return Answered(outcome)


def _show_errors(view: Json, outcome: DeliveryOutcome) -> Answered:
    errors = outcome.response.get("errors") or {}
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not errors or (unknown := set(errors) - inputs):
        wrong = f"errors name no input block: {', '.join(sorted(unknown))}" if errors else "errors are empty"
        return Answered(replace(outcome, acked=False), error=wrong)
    return Answered(outcome, errors)
