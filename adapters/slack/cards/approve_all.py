"""The Approve all button of a sheet. Pure.

Its value names the rows that are fully shown, at the revision that is shown: a row that changed since, or that nobody
could read in full, is not approved.
"""

from collections.abc import Iterable, Sequence

from adapters.slack.cards.sheet_rows import Row, mark_of, who_decides
from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import APPROVE_ALL, ShownRows
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import approve_all as sentences
from engine.approvals.approval import Approval, State
from engine.asks.ask import Choice
from engine.ids import SheetId


def approvable(approval: Approval) -> bool:
    """True if Approve all can cover the request: a question is answered, not approved."""
    offered = Choice.APPROVE in approval.ask.actions[0].choices and not approval.ask.is_question
    return approval.state is State.PENDING and approval.reviews[0].decision is None and offered


def approve_all(name: SheetId, rows: Sequence[Row]) -> Iterable[Block]:
    """The button for all fully shown rows; empty for a single one, which has its own."""
    able = [row.approval for row in rows if approvable(row.approval)]
    seen = [row.approval for row in rows if approvable(row.approval) and not row.left_out]
    if len(seen) < 2:  # noqa: PLR2004 - one has its own button
        return
    shown = ShownRows(seen[0].thread, name, tuple((mark_of(each), each.reviews[0].revision) for each in seen))
    one_rule = len({who_decides(each) for each in able}) == 1
    button = blocks.button(sentences.button(len(seen), one_rule=one_rule), APPROVE_ALL, str(shown))
    confirm = blocks.confirm(*sentences.confirm(len(seen), len(able) - len(seen), one_rule=one_rule))
    button["confirm"] = confirm | {"style": "primary"}
    yield blocks.divider()
    yield blocks.actions("approve-all", [button])
