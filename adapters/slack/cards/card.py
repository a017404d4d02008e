"""An approval as a Slack message: what is asked, by whom, who may decide, and how it ended. Pure.

Three rules. Text of an agent or a person stays in `rich_text` and `plain_text`, where Slack reads no markup. A card has
buttons exactly while its question is open (P8). The card counts what does not fit; it is one button away, and approving
such a request takes a confirmation (P4): see `seen`.

A batch shows its open actions as rows, each with its own buttons; if more are open than fit, the next ones move up as
others are decided. Each decided action keeps one line.
"""

from collections.abc import Iterable, Sequence

from adapters.blockkit import limits
from adapters.slack.cards import card_menu
from adapters.slack.cards.buttons import buttons, offered_choices, without_grants
from adapters.slack.cards.fitting import BUDGET, ROWS, fitted_action, fitted_prompt, open_rows
from adapters.slack.cards.message import SlackMessage, is_refused
from adapters.slack.drawing import blocks, contents, full_request, layout
from adapters.slack.drawing.actions import SEND_WORDS, UNSHOWN, Target, show_button
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.layout import Piece, Style
from adapters.slack.drawing.sentences import cards, choices, notifications, outcomes, people, progress, titles
from adapters.slack.drawing.sentences.people import FEW_NAMES, MOST_NAMES
from adapters.slack.drawing.untrusted_text import clipped, mrkdwn_line, visible
from engine.approvals.approval import Approval, State
from engine.asks.ask import Choice, Kind
from engine.ids import ApprovalId

APPROVAL_EVENT = "signoff_approval"

_CLOSED_ROWS = 18
_DIVIDED_ROWS = 6
"""A line stands between the rows of a small batch; a large one needs its blocks for more rows."""
_DECIDED_LINES = 20
_PLAIN = 2_000
"""Characters of the request on a plain card: a sixth of what Slack takes, and less than it takes in one text."""
_FEW = 20
"""Fields, people and options of a plain card."""
_SHORT_ID = 100
"""Characters of the id of a plain card's approval: the values of its buttons and options hold it."""


def metadata_of(approval: ApprovalId) -> Block:
    """https://docs.slack.dev/messaging/message-metadata."""
    return {"event_type": APPROVAL_EVENT, "event_payload": {"approval": approval}}


def card(approval: Approval, origin: str = "", *, approvers_own: bool = False) -> SlackMessage:
    """The card as it has to look now. The sender checks it, and sends `fallback_card` if Slack would refuse it.

    `origin` says where the request came from, in trusted mrkdwn, if the card is posted elsewhere. `approvers_own` is
    true in an approver's direct messages.
    """
    made = _blocks(approval, origin, approvers_own=approvers_own)
    return SlackMessage(notifications.summary(approval), made, metadata_of(approval.id))


def fallback_card(approval: Approval) -> SlackMessage:
    """A minimal card that can still be decided, in place of one that Slack would refuse."""
    text = notifications.summary(approval)
    body = [blocks.header(titles.title(approval))]
    if approval.state is not State.PENDING:
        return SlackMessage(text, [*body, blocks.section(outcomes.outcome(approval))], metadata_of(approval.id))
    rows = [
        block
        for index, _ in open_rows(approval)[:ROWS]
        for block in (
            blocks.context(f"{index + 1}. {mrkdwn_line(approval.ask.actions[index].name, 80)}"),
            blocks.actions(f"{UNSHOWN}{index}", without_grants(buttons(approval, index))),
        )
        if approval.ask.actions[index].choices
    ]
    show = blocks.actions("show", [show_button(approval)])
    return SlackMessage(text, [*body, blocks.section(cards.CANNOT_SHOW_CARD), *rows, show], metadata_of(approval.id))


def _blocks(approval: Approval, origin: str, *, approvers_own: bool) -> list[Block]:
    hidden: list[int] = []
    prompt, rows = _prompt(approval, hidden), list(_rows(approval, hidden))
    made = [*_head(approval), *prompt, *_left_out(approval, sum(hidden)), *rows, *_end(approval, origin)]
    made += _allowed(approval)
    # It decides nothing, so it may outlive the question; it is the first thing to go if there is no room.
    last = card_menu.row(approval, approvers_own=approvers_own)
    return [*made, last] if len(made) < limits.MESSAGE_BLOCKS else made


def _head(approval: Approval) -> Iterable[Block]:
    if titles.is_titled(approval):
        yield blocks.header(titles.title(approval))
    ended = outcomes.outcome(approval)
    if ended:
        yield blocks.section(ended)
    if approval.replaced is not None and approval.state is State.PENDING:
        yield blocks.section(cards.changed_since(approval.replaced))
    if note := approval.note:
        said = f"{note[:1].upper()}{note[1:]}"  # elsewhere it stands within a sentence
        yield blocks.rich_text([blocks.rich_section(blocks.span(clipped(visible(said), 1_000)))])


def _prompt(approval: Approval, hidden: list[int]) -> list[Block]:
    shown, left_out = fitted_prompt(approval)
    hidden.append(left_out)
    return layout.drawn(shown)


def seen(approval: Approval, index: int) -> tuple[int, int]:
    """The number of characters of a pending action that its card shows, prompt included, and the number of all."""
    rows = [each for each, _ in open_rows(approval)][:ROWS]
    (prompt, left_out), (pieces, hidden) = fitted_prompt(approval), fitted_action(approval, index, len(rows))
    pieces = [*prompt, *pieces]
    shown = layout.length(pieces)
    total = shown + left_out + hidden
    if index not in rows or (shown == total and not is_plain(approval, pieces) and is_refused(card(approval))):
        return 0, total
    return shown, total


def is_plain(approval: Approval, pieces: Sequence[Piece]) -> bool:
    """True for a short card of one action on which little else stands: Slack takes it, whatever its texts are.

    So a click on it need not draw it to learn that. Markdown is never plain: an agent's could be what Slack refuses.
    """
    if len(approval.reviews) > 1 or layout.length(pieces) > _PLAIN or any(each.style is Style.PROSE for each in pieces):
        return False
    review, clocks = approval.reviews[0], approval.deadlines
    bare = not (review.votes or review.escalated or review.policy.grants or clocks.hours or approval.not_called.failed)
    named = (*review.governing.sources, *approval.called, *approval.not_called.unreached)
    told = approval.note or approval.replaced or approval.offered
    short = max(len(pieces), len(named), len(approval.ask.actions[0].options)) <= _FEW
    return bare and short and not told and len(approval.id) <= _SHORT_ID


def _rows(approval: Approval, hidden: list[int]) -> Iterable[Block]:
    pending = approval.state is State.PENDING
    rows = open_rows(approval) if pending else list(enumerate(approval.reviews))
    most = ROWS if pending else _CLOSED_ROWS
    yield from _decided_lines(approval) if pending else ()
    for position, (index, _) in enumerate(rows[:most]):
        if position and len(rows) <= _DIVIDED_ROWS:
            yield blocks.divider()
        shown, left_out = fitted_action(approval, index, min(len(rows), most))
        hidden.append(left_out)
        yield from layout.drawn(shown)
        yield from _row_end(approval, index)
        yield from _offered_words(approval, hidden)
    later = rows[most:]
    if later:
        hidden.append(sum(layout.length(contents.action_pieces(approval, index)) for index, _ in later))
        yield blocks.context(cards.more_actions(len(later), len(approval.reviews), pending=pending))


def _offered_words(approval: Approval, hidden: list[int]) -> Iterable[Block]:
    """The words that the requester wrote before the question, and the button that sends them."""
    pieces = contents.offered_pieces(approval)
    if not pieces:
        return
    shown, left_out = layout.fitted(pieces, BUDGET // 3)
    hidden.append(left_out)
    yield from layout.drawn(shown)
    last = approval.offered[-1].said
    value = f"{last} {Target(approval.id, 0, approval.reviews[0].revision)}"
    yield blocks.actions("words", [blocks.button(choices.SEND_WORDS, SEND_WORDS, value)])


def _decided_lines(approval: Approval) -> Iterable[Block]:
    lines = [
        f"{index + 1}. {mrkdwn_line(action.name, 80)}: "
        f"{outcomes.decided(approval.ask.kind, review, review.decision, FEW_NAMES)}"
        for index, (action, review) in enumerate(zip(approval.ask.actions, approval.reviews, strict=True))
        if review.decision is not None
    ]
    for start in range(0, min(len(lines), _DECIDED_LINES), 10):
        yield blocks.context("\n".join(lines[start : start + 10]))
    if len(lines) > _DECIDED_LINES:
        yield blocks.context(cards.more_decided(len(lines) - _DECIDED_LINES))


def _row_end(approval: Approval, index: int) -> Iterable[Block]:
    review, batch = approval.reviews[index], len(approval.reviews) > 1
    if approval.state is not State.PENDING:
        if batch and review.decision is not None:
            yield blocks.context(outcomes.decided(approval.ask.kind, review, review.decision, FEW_NAMES))
        return
    known = [progress.votes(approval, index, FEW_NAMES if batch else MOST_NAMES), choices.node_words(approval, index)]
    if batch and not approval.ask.is_question:
        known.append(people.who_decides(approval, review.governing, FEW_NAMES))
    answers = Choice.ANSWER in approval.ask.actions[index].choices
    if answers and set(offered_choices(approval, index)) <= {Choice.REJECT}:
        known.append(cards.no_answer(review.policy.quorum))
    told = " · ".join(each for each in known if each)
    if told:
        yield blocks.context(told)
    if made := buttons(approval, index):
        yield blocks.actions(f"action:{index}", made)


def _left_out(approval: Approval, hidden: int) -> Iterable[Block]:
    """The number of characters that are not on the card, and Show all: above the buttons that decide."""
    if not hidden:
        return
    total = layout.length(contents.everything(approval))
    file = full_request.file_name(approval) if full_request.needs_file(approval) else ""
    yield blocks.context(cards.shown_in_part(max(total - hidden, 0), total, file))
    if approval.state is State.PENDING:
        yield blocks.actions("show", [show_button(approval)])


def _allowed(approval: Approval) -> Iterable[Block]:
    """The grants that were given with it."""
    told = [line for review in approval.reviews if (line := outcomes.allowed(review))]
    if told:
        yield blocks.context(" · ".join(dict.fromkeys(told)))


def _end(approval: Approval, origin: str) -> Iterable[Block]:
    small = _question_end(approval) if approval.ask.is_question else _request_end(approval)
    told = " · ".join(each for each in (*small, origin) if each)
    if told:
        yield blocks.context(told)


def _question_end(approval: Approval) -> Iterable[str]:
    to_requester = approval.reviews[0].policy.is_requesters
    yield cards.asks(approval) if to_requester else people.requested(approval.requester, people.speaker(approval))
    if approval.state is State.PENDING:
        if not to_requester:
            yield people.who_decides(approval, approval.reviews[0].governing)
        yield cards.how_to_answer(approval)
        yield from progress.small_print(approval, _named_by(approval))


def _named_by(approval: Approval) -> str:
    """The sentences of the card that mention approvers."""
    most = FEW_NAMES if len(approval.reviews) > 1 else MOST_NAMES
    told = [people.who_decides(approval, each.governing, most) for each in approval.reviews if each.decision is None]
    return " ".join(told)


def _request_end(approval: Approval) -> Iterable[str]:
    if approval.ask.kind is Kind.NOTICE:
        yield cards.tells(approval)
    elif approval.ask.kind is not Kind.FAILURE or approval.state is not State.PENDING:
        yield people.requested(approval.requester, people.speaker(approval))
    if approval.state is State.PENDING:
        if len(approval.reviews) == 1:
            yield people.who_decides(approval, approval.reviews[0].governing)
        yield from progress.small_print(approval, _named_by(approval))
        if approval.ask.unguarded:
            yield cards.UNGUARDED
