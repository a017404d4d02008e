"""The modals of time travel: which points of a conversation are offered, and what they are called."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.typist import inputs_of, untouched

from adapters.blockkit import check_modal
from adapters.slack.drawing.sentences.responses import REOPEN
from adapters.slack.forms.fields import ACTION_ID
from adapters.slack.forms.time_travel import checkpoint, checkpoints, edited
from adapters.slack.inbound.payloads.forms import RunFromSent
from adapters.slack.inbound.payloads.incoming import incoming
from engine.asks.ask import Json
from engine.ids import TeamId, ThreadId, UserId
from engine.ports import Snapshot

THREAD = ThreadId("T0LOCAL:C0DEPLOYS:1700000000.000100")


def moment(checkpoint: str, source: str, ran: tuple[str, ...], following: tuple[str, ...]) -> Snapshot:
    return Snapshot(checkpoint, datetime(2026, 3, 4, tzinfo=UTC), source, ran, following, (), {"task": "the move"})


def rows(*snapshots: Snapshot) -> list[str]:
    view = checkpoints(THREAD, snapshots, 0)
    return [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"]


def test_a_message_that_no_node_has_read_yet_is_no_point_to_go_back_to() -> None:
    """The state there is the one before it: a change of it would take the message's place."""
    assert rows(
        moment("3", "loop", ("prepare",), ("ask",)),
        moment("2", "loop", (), ("prepare",)),
        moment("1", "input", (), ()),
    ) == ["Finished: prepare. Next: ask", "Message received. Next: prepare"]


def test_a_workflow_begins_at_its_message() -> None:
    assert rows(moment("1", "input", (), ("workflow",))) == ["Message received. Next: workflow"]


def went(view: dict[str, Any], state: dict[str, Any], metadata: str | None = None) -> RunFromSent:
    sent = {"id": "V1", "callback_id": view["callback_id"], "state": {"values": state}}
    sent["private_metadata"] = view["private_metadata"] if metadata is None else metadata
    payload = {"type": "view_submission", "user": {"id": "U1"}, "view": sent}
    found = incoming(payload, bot=UserId("U0"), team=TeamId("T0LOCAL"))
    assert isinstance(found, RunFromSent)
    return found


@pytest.mark.promise("P4")
def test_a_state_is_changed_by_what_was_typed_alone_and_never_by_an_old_form() -> None:
    point = moment("1", "loop", ("plan",), ("act",))
    point = replace(point, values={"task": "the move", "n": 1})
    view = checkpoint(THREAD, point)
    state = untouched(view)
    assert edited(point, state, went(view, state).layout) == (None, {})
    state["field:/n"][ACTION_ID]["value"] = "2"
    assert edited(point, state, went(view, state).layout) == ({"task": "the move", "n": 2}, {})
    state["field:/n"][ACTION_ID]["value"] = str(10**29)
    assert "too large" in edited(point, state, went(view, state).layout)[1]["field:/n"]
    old = {"field:1": {ACTION_ID: {"type": "number_input", "value": "2"}}}
    before = went(view, old, view["private_metadata"].rpartition(" ")[0])
    assert (before.point.thread, before.point.checkpoint) == (THREAD, "1")
    assert edited(point, old, before.layout) == (None, {"field:1": REOPEN})


def test_every_state_has_a_form_that_can_be_sent() -> None:
    states: list[Json] = [
        {},
        {f"field {n}": n for n in range(200)},
        {"long": "x" * 300_000},
        {"in": {"deep": ["y" * 99] * 999}},
    ]
    for values in states:
        view = checkpoint(THREAD, replace(moment("1", "loop", (), ("act",)), values=values))
        assert check_modal(view) == []
        assert inputs_of(view)
