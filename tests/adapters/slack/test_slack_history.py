"""The modals of time travel: which points of a conversation are offered, and what they are called."""

from datetime import UTC, datetime

from adapters.slack.history import moments_of
from engine.ids import ThreadId
from engine.ports import Moment

THREAD = ThreadId("T0LOCAL:C0DEPLOYS:1700000000.000100")


def moment(checkpoint: str, source: str, ran: tuple[str, ...], following: tuple[str, ...]) -> Moment:
    return Moment(checkpoint, datetime(2026, 3, 4, tzinfo=UTC), source, ran, following, (), {"task": "the move"})


def rows(*moments: Moment) -> list[str]:
    view = moments_of(THREAD, moments, 0)
    return [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"]


def test_a_message_that_no_node_has_read_yet_is_no_point_to_go_back_to() -> None:
    """The state there is the one before it: a change of it would take the message's place."""
    assert rows(
        moment("3", "loop", ("prepare",), ("ask",)),
        moment("2", "loop", (), ("prepare",)),
        moment("1", "input", (), ()),
    ) == ["prepare ran; next: ask", "A message came in; next: prepare"]


def test_a_workflow_begins_at_its_message() -> None:
    assert rows(moment("1", "input", (), ("workflow",))) == ["A message came in; next: workflow"]
