"""Several requests of one thread in one message: a row for each, in order, each with the buttons of a card. Pure.

The rules of `adapters.slack.cards.card` hold for each row: untrusted words stand in `rich_text` (small print about what
is over carries them as a notification does), a row that is over has no buttons (P8), and a row that does not fit says
so and has Show all (P4). Room is shared fairly: what short rows leave goes to long ones. An open row takes two blocks,
so that twenty of them fit Slack's fifty; a row that is over takes one line.

Below the rows stands Approve all. Its value names just the rows that are shown whole, with the revision that is shown:
what was changed since, or never seen whole, is not approved by it.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from adapters.blockkit import limits
from adapters.slack.cards import card as cards
from adapters.slack.cards import more
from adapters.slack.cards.card import Message, Target
from adapters.slack.drawing import blocks, evidence, layout, markdown, show_all, wording
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.layout import Piece, Style
from adapters.slack.drawing.untrusted_text import clipped, pretty, visible
from engine.approvals.approval import Approval, State
from engine.asks.ask import Choice, Json, Kind
from engine.ids import AgentName, ApprovalId, SheetId, ThreadId
from engine.machine import outcome_of

SHEET_EVENT = "signoff_sheet"
APPROVE_ALL = "signoff_approve_all"

_TEXT = 11_000
"""Characters of a sheet, somewhat less than Slack takes: `limits.MESSAGE_BLOCKS_TEXT`."""
_OWN_WORDS = 1_200
_OF_OPEN_ROW = 190
_OF_CLOSED_ROW = 420
_MOST_OF_ROW = 2_200
"""Characters of one row: it stays one block."""
_HEADLINE = 150
_MOMENTS = timedelta(minutes=1)
_FEW_NAMES = 4
_SIGNS = {"approved": "✅", "rejected": "⛔", "answered": "💬", "expired": "⌛", "withdrawn": "↩️", "not delivered": "⚠️"}
_SIGNS |= {"decided": "☑️"}
_MARKUP = re.compile(r"<([@#])([A-Z0-9]+)>|<!date\^(\d+)\^[^|>]*\|([^>]*)>")


@dataclass(frozen=True, slots=True)
class Shown:
    """What Approve all is about: the rows that are shown whole, as mark and revision. Its spelling is its `value`."""

    thread: ThreadId
    sheet: SheetId
    rows: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return f"{self.sheet} {','.join(f'{mark}.{revision}' for mark, revision in self.rows)} {self.thread}"

    @classmethod
    def read(cls, spelled: str) -> "Shown":
        """What a button's value says. Raises ValueError for what is none."""
        sheet, rows, thread = spelled.split(" ", 2)
        pairs = (row.split(".", 1) for row in rows.split(","))
        return cls(ThreadId(thread), SheetId(sheet), tuple((mark, int(revision)) for mark, revision in pairs))

    def approval(self, mark: str) -> ApprovalId:
        """The approval of a row."""
        return ApprovalId(f"{self.thread}#{mark}")


def mark_of(approval: Approval) -> str:
    """What tells a row from its neighbours."""
    return approval.id.rpartition("#")[2]


def metadata_of(sheet: SheetId) -> Block:
    """https://docs.slack.dev/messaging/message-metadata."""
    return {"event_type": SHEET_EVENT, "event_payload": {"sheet": sheet}}


def sheet(
    name: SheetId, approvals: Sequence[Approval], together: Collection[AgentName] = (), origin: str = ""
) -> Message:
    """The message as it has to look now; `together` are the agents that get all answers at once, `origin` as on cards.

    Whoever sends it checks it, and sends `plain_sheet` where Slack would refuse.
    """
    rows = _rows(approvals)
    body = [block for row in rows for block in _row(row, approvals, together)]
    made = [*_head(approvals), *body, *_approve_all(name, rows), *_end(approvals, together, origin)]
    return Message(summary(approvals), made, metadata_of(name))


def plain_sheet(name: SheetId, approvals: Sequence[Approval]) -> Message:
    """The least that is still true and can still be decided: for a sheet that Slack would refuse."""
    told = "Slack cannot show these requests here. Press Show all to read one before you decide it."
    body: list[Block] = []
    for number, approval in enumerate(approvals, 1):
        if approval.state is State.PENDING:
            body.append(blocks.context(f"*{number}. {wording.one_line(_name(approval), 80)}*"))
            body.append(_row_buttons(number, approval, is_whole=False))
    done = Counter(_outcome(each) for each in approvals)
    text = f"Approvals needed. {wording.requested(approvals[0].requester, _speaker(approvals), strong=False)}"
    counted = blocks.context(" · ".join(f"{count} {word}" for word, count in done.items()))
    return Message(text, [blocks.header(_title(approvals)), counted, blocks.section(told), *body], metadata_of(name))


def seen(approvals: Sequence[Approval], approval: ApprovalId) -> tuple[int, int]:
    """How many characters of a pending request its row shows, and how many there are."""
    row = next((each for each in _rows(approvals) if each.approval.id == approval), None)
    if row is None:
        return 0, 0
    shown = layout.length(row.shown)
    hidden = row.left_out == 0 and cards.is_refused(sheet(SheetId(""), approvals))
    return 0 if hidden else shown, shown + row.left_out


def approvable(approval: Approval) -> bool:
    """Whether Approve all is about it: a question is answered, not approved."""
    offered = Choice.APPROVE in approval.ask.actions[0].choices and not approval.ask.is_question
    return approval.state is State.PENDING and approval.reviews[0].decision is None and offered


# Head and end ---------------------------------------------------------------------------------------------------------


def _open_ones(approvals: Sequence[Approval]) -> list[Approval]:
    return [each for each in approvals if each.state is State.PENDING]


def _title(approvals: Sequence[Approval]) -> str:
    left = len(_open_ones(approvals))
    if left == 0:
        return f"{len(approvals)} requests"
    return f"{len(approvals)} requests to decide" if left == len(approvals) else f"{left} of {len(approvals)} to decide"


def _head(approvals: Sequence[Approval]) -> Iterable[Block]:
    yield blocks.header(_title(approvals))
    if len(_open_ones(approvals)) < len(approvals):
        yield blocks.context(_counted(approvals))


def _counted(approvals: Sequence[Approval]) -> str:
    found = Counter(_outcome(each) for each in approvals)
    words = [word for word in _SIGNS if word in found] + sorted(word for word in found if word not in _SIGNS)
    return " · ".join(f"{_SIGNS.get(word, '▫️')} {found[word]} {word}" for word in words)


def _outcome(approval: Approval) -> str:
    match approval.state:
        case State.PENDING:
            return "open"
        case State.EXPIRED | State.WITHDRAWN:
            return approval.state.value
        case State.UNDELIVERABLE:
            return "not delivered"
        case _:
            return "expired" if not approval.deciders else outcome_of(approval)


def _speaker(approvals: Sequence[Approval]) -> str:
    names = {wording.speaker(each) for each in approvals}
    return names.pop() if len(names) == 1 else approvals[0].agent


def _end(approvals: Sequence[Approval], together: Collection[AgentName], origin: str) -> Iterable[Block]:
    pending = _open_ones(approvals)
    told = [wording.requested(approvals[0].requester, _speaker(approvals))]
    approvers = _said_approvers(approvals)
    named = " ".join([approvers, *(_who(each) for each in pending)])
    reached = (evidence.called(pending, named), *evidence.not_called(pending))
    told += [line for line in (approvers, *reached, _common_deadline(pending)) if line]
    if approvals[0].agent in together:
        told.append("The agent gets all answers together, once everything is decided")
    if any(each.ask.unguarded for each in pending):
        told.append(wording.UNGUARDED)
    if origin:
        told.append(origin)
    yield blocks.context(" · ".join(told))


def _most_approvers(approvals: Sequence[Approval]) -> tuple[str, bool]:
    """Who decides most open requests, said once below them, and whether that holds for all; "" where each has its own.

    A question says itself whom it is for.
    """
    found = Counter(_who(each) for each in _open_ones(approvals) if not each.ask.is_question)
    (who, count) = found.most_common(1)[0] if found else ("", 0)
    return (who if count > 1 or len(found) == 1 else "", len(found) <= 1)


def _said_approvers(approvals: Sequence[Approval]) -> str:
    who, for_all = _most_approvers(approvals)
    return who if for_all or not who else f"{who}, unless a row says otherwise"


def _common_deadline(pending: Sequence[Approval]) -> str:
    """Likewise: they were asked one after the other, so their deadlines differ by moments."""
    times = [each.expires_at for each in pending]
    known = [at for at in times if at is not None]
    if pending and not known:
        return wording.deadline(pending[0])
    if not known or len(known) < len(times) or max(known) - min(known) > _MOMENTS:
        return ""
    return wording.deadline(min(pending, key=lambda each: each.expires_at or known[0]))


def _who(approval: Approval) -> str:
    return wording.who_decides(approval, approval.reviews[0].governing, _FEW_NAMES)


def summary(approvals: Sequence[Approval]) -> str:
    """The message's `text`."""
    pending = _open_ones(approvals)
    if not pending:
        return f"{len(approvals)} requests of {wording.one_line(_speaker(approvals), 80)} - {_counted(approvals)}"
    names = Counter(_name(each) for each in pending)
    listed = ", ".join(f"{clipped(name, 100)}{f' ({count})' if count > 1 else ''}" for name, count in names.items())
    asked = f"{len(pending)} approvals needed: {wording.one_line(listed, 600)}"
    requested = wording.requested(approvals[0].requester, _speaker(approvals), strong=False)
    until = _common_deadline(pending) if any(each.expires_at for each in pending) else ""
    return " · ".join(each for each in (asked, requested, evidence.called(pending, asked), until) if each)


# Rows -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """One request: its number from 1, and of an open one the pieces that there is room for."""

    number: int
    approval: Approval
    shown: tuple[Piece, ...] = ()
    left_out: int = 0


def _rows(approvals: Sequence[Approval]) -> list[_Row]:
    pending = {index: _pieces(number, each) for index, number, each in _numbered(approvals)}
    closed = len(approvals) - len(pending)
    room = _TEXT - _OWN_WORDS - _OF_OPEN_ROW * len(pending) - _OF_CLOSED_ROW * closed
    rooms = dict(zip(pending, _shares([layout.length(each) for each in pending.values()], room), strict=True))
    made = []
    for index, approval in enumerate(approvals):
        if index not in pending:
            made.append(_Row(index + 1, approval))
            continue
        shown, left_out = layout.fitted(pending[index], min(rooms[index], _MOST_OF_ROW))
        made.append(_Row(index + 1, approval, tuple(shown), left_out))
    return made


def _numbered(approvals: Sequence[Approval]) -> Iterator[tuple[int, int, Approval]]:
    for index, approval in enumerate(approvals):
        if approval.state is State.PENDING:
            yield index, index + 1, approval


def _shares(needs: Sequence[int], room: int) -> list[int]:
    """Each gets what it needs, or an even part of what those leave that need less."""
    shares = [0] * len(needs)
    for done, index in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        shares[index] = min(needs[index], max(room, 0) // (len(needs) - done))
        room -= shares[index]
    return shares


def _pieces(number: int, approval: Approval) -> list[Piece]:
    """All that there is to read of a request, below a headline that says most of it."""
    found, name = show_all.everything(approval), _name(approval)
    if found and _headline(found[0].text) == name:
        found = found[1:]
    return [Piece(f"{number}. {name}", Style.NAME), *found]


def _name(approval: Approval) -> str:
    """A tool's name; else the question itself, where it is a short line. Untrusted and visible."""
    prompt, action = _headline(approval.ask.prompt), approval.ask.actions[0]
    if approval.ask.kind is Kind.TOOL_CALL:
        return visible(action.name) or "(no name)"
    if prompt and len(prompt) <= _HEADLINE and "\n" not in prompt:
        return prompt
    if approval.ask.is_question and not prompt and action.description:
        return _headline(action.description)
    return wording.title(approval) if not approval.ask.is_question else "A question"


def _headline(text: str) -> str:
    """The words of a text in Markdown."""
    return markdown.words_of(markdown.parts_of(visible(text).strip()))


def _row(row: _Row, approvals: Sequence[Approval], together: Collection[AgentName]) -> Iterable[Block]:
    if row.approval.state is not State.PENDING:
        waits = row.approval.state is State.DECIDED and row.approval.agent in together and _open_ones(approvals)
        yield blocks.context(_closed_line(row) + (" · waits for the others" if waits else ""))
        return
    parts = [part for inline, run in groupby(row.shown, _is_inline) for part in _drawn(list(run), inline=inline)]
    small = " · ".join(each for each in _small_print(row, approvals) if each)
    if small:
        parts.append(blocks.rich_section(*_literal(small)))
    yield blocks.rich_text(parts)
    yield _row_buttons(row.number, row.approval, is_whole=row.left_out == 0)


def _is_inline(piece: Piece) -> bool:
    return piece.style is Style.INLINE and not piece.hidden


def _drawn(run: list[Piece], *, inline: bool) -> Iterator[Block]:
    """Short fields stand beside one another, everything else as on a card."""
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


def _small_print(row: _Row, approvals: Sequence[Approval]) -> Iterable[str]:
    approval = row.approval
    if row.left_out:
        total = layout.length(row.shown) + row.left_out
        yield f"This row shows {total - row.left_out:,} of {total:,} characters: press Show all"
        if show_all.needs_file(approval):
            yield show_all.more_as_file(approval)
    yield wording.votes(approval, 0, _FEW_NAMES)
    yield wording.own_words(approval, 0)
    yield evidence.escalation(approval.reviews)
    if approval.ask.is_question:
        asked = approval.reviews[0].policy.is_requesters
        yield f"A question to <@{approval.requester}>" if asked else _who(approval)
    elif _who(approval) != _most_approvers(approvals)[0]:
        yield _who(approval)
    yield from wording.attended(approval)
    if not _common_deadline(_open_ones(approvals)):
        yield wording.deadline(approval)


def _literal(markup: str) -> Iterator[Block]:
    """Small print of our own words as rich text: a row is one block."""
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


def _row_buttons(number: int, approval: Approval, *, is_whole: bool) -> Block:
    """The buttons that a card of its own would have."""
    card = [block for block in cards.card(approval).blocks if block["type"] == "actions"]
    buttons = [each for block in card if block["block_id"] == "action:0" for each in block["elements"]]
    for each in (each for each in buttons if each["type"] == "button"):
        each["accessibility_label"] = clipped(
            f"{each['text']['text']} {number}. {_name(approval)}", limits.ACCESSIBILITY_LABEL
        )
    if not is_whole:
        buttons = cards.without_grants(buttons)
    if not is_whole or not buttons:
        target = str(Target(approval.id, 0, approval.reviews[0].revision))
        buttons.append(blocks.button("Show all", cards.SHOW, target, described=f"Show all of {number}"))
    buttons += more.on_sheet(approval)
    return blocks.actions(f"row:{mark_of(approval)}", buttons)


def _closed_line(row: _Row) -> str:
    approval, review = row.approval, row.approval.reviews[0]
    value = review.decision.value if review.decision and review.decision.choice is Choice.ANSWER else review.value
    about = _in_a_line(value if value is not None or review.decision is None else review.decision.text)
    told = review.decision is not None and review.decision.choice in (Choice.REJECT, Choice.OPTION)
    words = [review.decision.text if review.decision and told else "", approval.note]
    reason = wording.one_line(" ".join(each for each in words if each), 120) if any(words) else ""
    sign, _, outcome = wording.outcome(approval).partition(" ")
    named = f"{sign} *{row.number}.* {wording.one_line(_name(approval), 80)}{f' {about}' if about else ''}"
    return f"{named} · {outcome}{f': {reason}' if reason else ''}"


def _in_a_line(value: Json) -> str:
    if value in (None, "", {}, []):
        return ""
    listed = value.items() if isinstance(value, dict) else [("", value)]
    spelled = ", ".join(f"{name}: {pretty(each)}" if name else pretty(each) for name, each in listed)
    return f"({wording.one_line(spelled, 100)})"


# Approve all ----------------------------------------------------------------------------------------------------------


def _approve_all(name: SheetId, rows: Sequence[_Row]) -> Iterable[Block]:
    """The button for all that are shown whole; none where there is but one."""
    able = [row.approval for row in rows if approvable(row.approval)]
    seen = [row.approval for row in rows if approvable(row.approval) and not row.left_out]
    if len(seen) < 2:  # noqa: PLR2004 - one has its own button
        return
    shown = Shown(seen[0].thread, name, tuple((mark_of(each), each.reviews[0].revision) for each in seen))
    one_rule = len({_who(each) for each in able}) == 1
    button = blocks.button(f"Approve all {len(seen)}" if one_rule else "Approve all I can", APPROVE_ALL, str(shown))
    button["confirm"] = _confirm(len(seen), len(able) - len(seen), one_rule=one_rule)
    yield blocks.divider()
    yield blocks.actions("approve-all", [button])


def _confirm(seen: int, unseen: int, *, one_rule: bool) -> Block:
    which = (
        f"the {seen} requests fully shown above"
        if one_rule
        else f"what you can of the {seen} requests fully shown above"
    )
    told = [f"This approves {which}."]
    if unseen:
        told.append(f"{unseen} that did not fit {'is' if unseen == 1 else 'are'} left out.")
    told.append("Any that change first are skipped.")
    return {
        "title": {"type": "plain_text", "text": f"Approve {seen} requests?" if one_rule else "Approve all you can?"},
        "text": {"type": "plain_text", "text": " ".join(told)},
        "confirm": {"type": "plain_text", "text": "Approve all"},
        "deny": {"type": "plain_text", "text": "Cancel"},
        "style": "primary",
    }
