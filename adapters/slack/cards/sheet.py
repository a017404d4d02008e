"""Several requests of one thread in one message, called a sheet: a row for each, with the buttons of a card. Pure.

The rules of `adapters.slack.cards.card` hold for each row: untrusted text stays in `rich_text` (the line of a closed
row escapes it as a notification does), and a closed row has no buttons (P8).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from adapters.slack.cards.approve_all import approve_all
from adapters.slack.cards.message import SlackMessage, is_refused
from adapters.slack.cards.sheet_rows import (
    common_deadline,
    drawn_row,
    most_approvers,
    open_ones,
    row_buttons,
    row_name,
    rows_of,
    who_decides,
)
from adapters.slack.drawing import blocks, layout
from adapters.slack.drawing.actions import UNSHOWN
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import cards, progress, sheets
from adapters.slack.drawing.untrusted_text import mrkdwn_line
from engine.approvals.approval import Approval, State
from engine.ids import AgentName, ApprovalId, SheetId

SHEET_EVENT = "signoff_sheet"


def metadata_of(sheet: SheetId) -> Block:
    """https://docs.slack.dev/messaging/message-metadata."""
    return {"event_type": SHEET_EVENT, "event_payload": {"sheet": sheet}}


def sheet(
    name: SheetId, approvals: Sequence[Approval], together: Collection[AgentName] = (), origin: str = ""
) -> SlackMessage:
    """The message as it has to look now; `together` are the agents that get all answers at once, `origin` as on cards.

    The sender checks it, and sends `fallback_sheet` if Slack would refuse it.
    """
    rows = rows_of(approvals)
    body = [block for row in rows for block in drawn_row(row, approvals, together)]
    made = [*_head(approvals), *body, *approve_all(name, rows), *_end(approvals, together, origin)]
    return SlackMessage(summary(approvals), made, metadata_of(name))


def fallback_sheet(name: SheetId, approvals: Sequence[Approval]) -> SlackMessage:
    """A minimal sheet that can still be decided, in place of one that Slack would refuse."""
    body: list[Block] = []
    for number, approval in enumerate(approvals, 1):
        if approval.state is State.PENDING:
            body.append(blocks.context(f"*{number}. {mrkdwn_line(row_name(approval), 80)}*"))
            body.append(row_buttons(number, approval, complete=False) | {"block_id": f"{UNSHOWN}{number}"})
    done = Counter(sheets.outcome(each) for each in approvals)
    text = f"Approvals needed. {sheets.requested_by(approvals, strong=False)}"
    counted = blocks.context(" · ".join(f"{count} {word}" for word, count in done.items()))
    head = [blocks.header(_title(approvals)), counted, blocks.section(cards.CANNOT_SHOW_SHEET)]
    return SlackMessage(text, [*head, *body], metadata_of(name))


def seen(approvals: Sequence[Approval], approval: ApprovalId) -> tuple[int, int]:
    """The number of characters of a pending request that its row shows, and the number of all."""
    row = next((each for each in rows_of(approvals) if each.approval.id == approval), None)
    if row is None:
        return 0, 0
    shown = layout.length(row.shown)
    hidden = row.left_out == 0 and is_refused(sheet(SheetId(""), approvals))
    return 0 if hidden else shown, shown + row.left_out


# Head and end ---------------------------------------------------------------------------------------------------------


def _title(approvals: Sequence[Approval]) -> str:
    return sheets.title(len(open_ones(approvals)), len(approvals))


def _head(approvals: Sequence[Approval]) -> Iterable[Block]:
    yield blocks.header(_title(approvals))
    if len(open_ones(approvals)) < len(approvals):
        yield blocks.context(sheets.counted(approvals))


def _end(approvals: Sequence[Approval], together: Collection[AgentName], origin: str) -> Iterable[Block]:
    pending = open_ones(approvals)
    told = [sheets.requested_by(approvals)]
    approvers = _approvers(approvals)
    named = " ".join([approvers, *(who_decides(each) for each in pending)])
    reached = (progress.called(pending, named), *progress.not_called(pending))
    told += [line for line in (approvers, *reached, common_deadline(pending)) if line]
    if approvals[0].agent in together:
        told.append(sheets.TOGETHER)
    if any(each.ask.unguarded for each in pending):
        told.append(cards.UNGUARDED)
    if origin:
        told.append(origin)
    yield blocks.context(" · ".join(told))


def _approvers(approvals: Sequence[Approval]) -> str:
    who, for_all = most_approvers(approvals)
    return who if for_all or not who else f"{who}, {sheets.SEE_ROWS}"


def summary(approvals: Sequence[Approval]) -> str:
    """The text of the message."""
    pending = open_ones(approvals)
    if not pending:
        return sheets.ended(approvals)
    asked = sheets.needed(len(pending), Counter(row_name(each) for each in pending))
    requested = sheets.requested_by(approvals, strong=False)
    until = common_deadline(pending) if any(each.expires_at for each in pending) else ""
    return " · ".join(each for each in (asked, requested, progress.called(pending, asked), until) if each)
