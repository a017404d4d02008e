"""The rows of a sheet: an open request with its buttons, or one line for a closed one. Pure.

Rows share the room fairly: what short rows leave goes to long ones. An open row takes two blocks, so that twenty of
them fit Slack's fifty. A row that is cut says so and has Show all (P4).
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from adapters.blockkit import limits
from adapters.slack.cards import card_menu
from adapters.slack.cards.buttons import without_grants
from adapters.slack.cards.card import card
from adapters.slack.drawing import blocks, contents, full_request, layout, markdown
from adapters.slack.drawing.actions import SHOW, Target
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.layout import Piece, Style
from adapters.slack.drawing.sentences import cards as sentences
from adapters.slack.drawing.sentences import choices, outcomes, people, progress, sheets, times, titles
from adapters.slack.drawing.sentences.people import FEW_NAMES
from adapters.slack.drawing.untrusted_text import clipped, mrkdwn_line, pretty, visible
from engine.approvals.approval import Approval, State
from engine.asks.ask import Choice, Json, Kind
from engine.ids import AgentName

_TEXT = 11_000
"""Characters of a sheet, somewhat less than Slack takes: `limits.MESSAGE_BLOCKS_TEXT`."""
_OWN_WORDS = 1_200
_OF_OPEN_ROW = 190
_OF_CLOSED_ROW = 420
_MOST_OF_ROW = 2_200
"""Characters of one row: it stays one block."""
_HEADLINE = 150
_MOST_READ = 2_000
"""Characters of a Markdown text that may make a headline, the addresses of its links included."""
_MOMENTS = timedelta(minutes=1)


_MARKUP = re.compile(r"<([@#])([A-Z0-9]+)>|<!date\^(\d+)\^[^|>]*\|([^>]*)>")


@dataclass(frozen=True, slots=True)
class Row:
    """One request: its number from 1, and, while it is open, the pieces that fit."""

    number: int
    approval: Approval
    shown: tuple[Piece, ...] = ()
    left_out: int = 0


def rows_of(approvals: Sequence[Approval]) -> list[Row]:
    """All rows, the open ones with the pieces that fit."""
    pending = {index: _pieces(number, each) for index, number, each in _numbered(approvals)}
    closed = len(approvals) - len(pending)
    room = _TEXT - _OWN_WORDS - _OF_OPEN_ROW * len(pending) - _OF_CLOSED_ROW * closed
    rooms = dict(zip(pending, _shares([layout.length(each) for each in pending.values()], room), strict=True))
    made = []
    for index, approval in enumerate(approvals):
        if index not in pending:
            made.append(Row(index + 1, approval))
            continue
        shown, left_out = layout.fitted(pending[index], min(rooms[index], _MOST_OF_ROW))
        made.append(Row(index + 1, approval, tuple(shown), left_out))
    return made


def _numbered(approvals: Sequence[Approval]) -> Iterator[tuple[int, int, Approval]]:
    for index, approval in enumerate(approvals):
        if approval.state is State.PENDING:
            yield index, index + 1, approval


def _shares(needs: Sequence[int], room: int) -> list[int]:
    """Each need in full, or an even share of what the smaller needs leave."""
    shares = [0] * len(needs)
    for done, index in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        shares[index] = min(needs[index], max(room, 0) // (len(needs) - done))
        room -= shares[index]
    return shares


def _pieces(number: int, approval: Approval) -> list[Piece]:
    """Everything there is to read of a request, below its name."""
    found, name = contents.everything(approval), row_name(approval)
    if found and _headline(found[0].text) == name:
        found = found[1:]
    return [Piece(f"{number}. {name}", Style.NAME), *found]


def row_name(approval: Approval) -> str:
    """A tool's name; else the question, if it is a short line. Untrusted, but visible."""
    prompt, action = _headline(approval.ask.prompt), approval.ask.actions[0]
    if approval.ask.kind is Kind.TOOL_CALL:
        return visible(action.name) or sheets.NO_NAME
    if prompt and len(prompt) <= _HEADLINE and "\n" not in prompt:
        return prompt
    if approval.ask.is_question and not prompt and action.description:
        return _headline(action.description)
    return titles.title(approval) if not approval.ask.is_question else sheets.A_QUESTION


def _headline(text: str) -> str:
    """A Markdown text without its styles; as it is, if it is too long for a headline anyway."""
    shown = visible(text).strip()
    return markdown.words_of(markdown.parts_of(shown)) if len(shown) <= _MOST_READ else shown


def mark_of(approval: Approval) -> str:
    """The mark of a row, unique within its thread."""
    return approval.id.rpartition("#")[2]


def drawn_row(row: Row, approvals: Sequence[Approval], together: Collection[AgentName]) -> Iterable[Block]:
    """The blocks of a row."""
    if row.approval.state is not State.PENDING:
        waits = row.approval.state is State.DECIDED and row.approval.agent in together and open_ones(approvals)
        yield blocks.context(_closed_line(row) + (f" · {sheets.WAITS_FOR_OTHERS}" if waits else ""))
        return
    parts = [part for inline, run in groupby(row.shown, _is_inline) for part in _drawn(list(run), inline=inline)]
    small = " · ".join(each for each in _small_print(row, approvals) if each)
    if small:
        parts.append(blocks.rich_section(*_literal(small)))
    yield blocks.rich_text(parts)
    yield row_buttons(row.number, row.approval, complete=row.left_out == 0)


def _is_inline(piece: Piece) -> bool:
    return piece.style is Style.INLINE and not piece.hidden


def _drawn(run: list[Piece], *, inline: bool) -> Iterator[Block]:
    """Short fields on one line, everything else as on a card."""
    if not inline:
        yield from (part for block in layout.drawn(run) for part in block["elements"])
        return
    elements: list[Block] = []
    for piece in run:
        elements += [blocks.span("   ")] if elements else []
        elements += [blocks.span(f"{piece.label}: ")] if piece.label else []
        elements.append(blocks.span(piece.text or '""', code=True))
        elements += [blocks.span(f" ({piece.edge})", italic=True)] if piece.edge else []
    yield blocks.rich_section(*elements)


def _small_print(row: Row, approvals: Sequence[Approval]) -> Iterable[str]:
    approval = row.approval
    if row.left_out:
        total = layout.length(row.shown) + row.left_out
        yield sentences.row_shown_in_part(total - row.left_out, total)
        if full_request.needs_file(approval):
            yield sentences.in_file(full_request.file_name(approval))
    yield progress.votes(approval, 0, FEW_NAMES)
    yield choices.node_words(approval, 0)
    yield progress.escalation(approval.reviews)
    if approval.ask.is_question:
        asked = approval.reviews[0].policy.is_requesters
        yield sheets.question_to(approval) if asked else who_decides(approval)
    elif who_decides(approval) != most_approvers(approvals)[0]:
        yield who_decides(approval)
    yield from progress.looking(approval)
    if not common_deadline(open_ones(approvals)):
        yield times.deadline(approval)


def _literal(markup: str) -> Iterator[Block]:
    """Small print in our own markup as rich text, because a row is one block."""
    at = 0
    for found in _MARKUP.finditer(markup):
        if found.start() > at:
            yield blocks.span(markup[at : found.start()], italic=True)
        at = found.end()
        kind, name, _, spoken = found.groups()
        if kind is None:
            yield blocks.span(spoken, italic=True)
        else:
            yield blocks.user(name) if kind == "@" else {"type": "channel", "channel_id": name}
    if at < len(markup):
        yield blocks.span(markup[at:], italic=True)


def row_buttons(number: int, approval: Approval, *, complete: bool) -> Block:
    """The buttons that the request would have on a card."""
    made = [block for block in card(approval).blocks if block["type"] == "actions"]
    found = [each for block in made if block["block_id"] == "action:0" for each in block["elements"]]
    for each in (each for each in found if each["type"] == "button"):
        each["accessibility_label"] = clipped(
            f"{each['text']['text']} {number}. {row_name(approval)}", limits.ACCESSIBILITY_LABEL
        )
    if not complete:
        found = without_grants(found)
    if not complete or not found:
        target = str(Target(approval.id, 0, approval.reviews[0].revision))
        found.append(blocks.button("Show all", SHOW, target, described=f"Show all of {number}"))
    found += card_menu.on_sheet(approval)
    return blocks.actions(f"row:{mark_of(approval)}", found)


def _closed_line(row: Row) -> str:
    approval, review = row.approval, row.approval.reviews[0]
    value = review.decision.value if review.decision and review.decision.choice is Choice.ANSWER else review.value
    about = _in_a_line(value if value is not None or review.decision is None else review.decision.text)
    told = review.decision is not None and review.decision.choice in (Choice.REJECT, Choice.OPTION)
    words = [review.decision.text if review.decision and told else "", approval.note]
    reason = mrkdwn_line(" ".join(each for each in words if each), 120) if any(words) else ""
    sign, _, outcome = outcomes.outcome(approval).partition(" ")
    named = f"{sign} *{row.number}.* {mrkdwn_line(row_name(approval), 80)}{f' {about}' if about else ''}"
    return f"{named} · {outcome}{f': {reason}' if reason else ''}"


def _in_a_line(value: Json) -> str:
    if value in (None, "", {}, []):
        return ""
    listed = value.items() if isinstance(value, dict) else [("", value)]
    spelled = ", ".join(f"{name}: {pretty(each)}" if name else pretty(each) for name, each in listed)
    return f"({mrkdwn_line(spelled, 100)})"


def open_ones(approvals: Sequence[Approval]) -> list[Approval]:
    """The pending approvals."""
    return [each for each in approvals if each.state is State.PENDING]


def most_approvers(approvals: Sequence[Approval]) -> tuple[str, bool]:
    """The approvers of most open requests, and whether they are those of all; "" if each has its own.

    They are named once, below the rows. A question names its own.
    """
    found = Counter(who_decides(each) for each in open_ones(approvals) if not each.ask.is_question)
    (who, count) = found.most_common(1)[0] if found else ("", 0)
    return (who if count > 1 or len(found) == 1 else "", len(found) <= 1)


def common_deadline(pending: Sequence[Approval]) -> str:
    """The deadline of all pending requests, which may differ by moments; "" if they have no common one."""
    found = [each.expires_at for each in pending]
    known = [at for at in found if at is not None]
    if pending and not known:
        return times.deadline(pending[0])
    if not known or len(known) < len(found) or max(known) - min(known) > _MOMENTS:
        return ""
    return times.deadline(min(pending, key=lambda each: each.expires_at or known[0]))


def who_decides(approval: Approval) -> str:
    """The people who can decide a request."""
    return people.who_decides(approval, approval.reviews[0].governing, FEW_NAMES)
