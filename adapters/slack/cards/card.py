"""An approval as a Slack message: what is asked, by whom, who may decide, and how it ended. Pure.

Three rules. What an agent or a person wrote stands in `rich_text` and `plain_text` only, where Slack reads no markup.
A card with an open question has buttons, and no other card has any (P8). What does not fit is counted on the card and
is one button away, and an Approve of it asks once more (P4): see `seen`.

A batch shows its open actions as rows, each with buttons of its own; where there are more than fit, the next ones move
up when some are decided. Decided ones keep one line each.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.blockkit import BlockProblem, check_message, limits
from adapters.slack.cards import more
from adapters.slack.drawing import blocks, layout, wording
from adapters.slack.drawing import show_all as whole
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.layout import Piece
from adapters.slack.drawing.untrusted_text import clipped, visible
from engine.approvals.approval import Approval, Review, State
from engine.asks.ask import Choice, Kind
from engine.ids import ApprovalId
from engine.rules import grants

APPROVAL_EVENT = "signoff_approval"
SHOW = "signoff_show"
SEND_WORDS = "signoff_send_words"
ALLOW = "signoff_allow"
"""Approves, and allows calls like it for a while."""
ACTION_IDS = {
    Choice.APPROVE: "signoff_approve",
    Choice.EDIT: "signoff_edit",
    Choice.REJECT: "signoff_reject",
    Choice.ANSWER: "signoff_answer",
    Choice.SKIP: "signoff_skip",
    Choice.REDO: "signoff_redo",
    Choice.OPTION: "signoff_option",
}
_STYLES = {Choice.APPROVE: "primary", Choice.REJECT: "danger"}

_BUDGET = 8_200
"""Characters of values on a card; the rest of `MESSAGE_BLOCKS_TEXT` is for our own words."""
_ROWS = 10
"""Open actions of a batch that are shown at once: with their buttons they fit 50 blocks."""
_CLOSED_ROWS = 18
_DIVIDED_ROWS = 6
"""A line stands between the rows of a small batch; a large one needs its blocks for more rows."""
_DECIDED_LINES = 20
_FEW_NAMES = 4
_MANY_NAMES = 20
_OPTION_BUTTONS = 4
"""Further choices with a button each; more of them stand in a menu."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: both texts, and the metadata by which a card is found again."""

    text: str
    blocks: list[Block]
    metadata: Block


@dataclass(frozen=True, slots=True)
class Target:
    """What a button or a form is about; its spelling is a button's `value`.

    `option` is the place of a further choice in the action's.
    """

    approval: ApprovalId
    action: int
    revision: int
    option: int | None = None

    def __str__(self) -> str:
        option = "" if self.option is None else f":{self.option}"
        return f"{self.action}{option}.{self.revision}.{self.approval}"

    @classmethod
    def read(cls, spelled: str) -> "Target":
        """The target of a button's value. Raises ValueError for what is none."""
        place, revision, approval = spelled.split(".", 2)
        action, colon, option = place.partition(":")
        return cls(ApprovalId(approval), int(action), int(revision), int(option) if colon else None)


def metadata_of(approval: ApprovalId) -> Block:
    """https://docs.slack.dev/messaging/message-metadata."""
    return {"event_type": APPROVAL_EVENT, "event_payload": {"approval": approval}}


def card(approval: Approval, origin: str = "", *, approvers_own: bool = False) -> Message:
    """The card as it has to look now. Whoever sends it checks it, and sends `plain_card` where Slack would refuse.

    `origin` says where the request came from, as trusted mrkdwn, where the card stands elsewhere. `approvers_own`: it
    stands in an approver's direct messages.
    """
    made = _blocks(approval, origin, approvers_own=approvers_own)
    return Message(wording.summary(approval), made, metadata_of(approval.id))


def plain_card(approval: Approval) -> Message:
    """The least that is still true and can still be decided: for a card that Slack would refuse."""
    told = "Slack cannot show this request here. Press Show all to read it before you decide."
    text = wording.summary(approval)
    body = [blocks.header(wording.title(approval))]
    if approval.state is not State.PENDING:
        return Message(text, [*body, blocks.section(wording.outcome(approval))], metadata_of(approval.id))
    rows = [
        block
        for index, _ in _open_rows(approval)[:_ROWS]
        for block in (
            blocks.context(f"{index + 1}. {wording.one_line(approval.ask.actions[index].name, 80)}"),
            blocks.actions(f"action:{index}", without_grants(_buttons(approval, index))),
        )
        if approval.ask.actions[index].choices
    ]
    show = blocks.actions("show", [show_button(approval)])
    return Message(text, [*body, blocks.section(told), *rows, show], metadata_of(approval.id))


def _blocks(approval: Approval, origin: str, *, approvers_own: bool) -> list[Block]:
    hidden: list[int] = []
    prompt, rows = _prompt(approval, hidden), list(_rows(approval, hidden))
    made = [*_head(approval), *prompt, *_left_out(approval, sum(hidden)), *rows, *_end(approval, origin)]
    made += _allowed(approval)
    # It decides nothing, so it may outlive the question; it is left out where there is no room for it.
    row = more.row(approval, approvers_own=approvers_own)
    return [*made, row] if len(made) < limits.MESSAGE_BLOCKS else made


def _head(approval: Approval) -> Iterable[Block]:
    if wording.is_titled(approval):
        yield blocks.header(wording.title(approval))
    ended = wording.outcome(approval)
    if ended:
        yield blocks.section(ended)
    if approval.replaced is not None and approval.state is State.PENDING:
        yield blocks.section(wording.changed_since(approval.replaced))
    if note := approval.note:
        said = f"{note[:1].upper()}{note[1:]}"  # elsewhere it stands within a sentence
        yield blocks.rich_text([blocks.rich_section(blocks.span(clipped(visible(said), 1_000)))])


def _prompt(approval: Approval, hidden: list[int]) -> list[Block]:
    shown, left_out = _fitted_prompt(approval)
    hidden.append(left_out)
    return layout.drawn(shown)


def _fitted_prompt(approval: Approval) -> tuple[list[Piece], int]:
    told = [] if approval.ask.prompt in ("", wording.title(approval)) else [whole.prompt_piece(approval)]
    return layout.fitted(told, _BUDGET // 3)


def _fitted_action(approval: Approval, index: int, rows: int) -> tuple[list[Piece], int]:
    """An action's pieces where the card has so many rows."""
    return layout.fitted(whole.action_pieces(approval, index), _BUDGET * 2 // 3 // max(1, rows))


def seen(approval: Approval, index: int) -> tuple[int, int]:
    """How many characters of a pending action its card shows, the prompt included, and how many there are."""
    rows = [each for each, _ in _open_rows(approval)][:_ROWS]
    (prompt, left_out), (pieces, hidden) = _fitted_prompt(approval), _fitted_action(approval, index, len(rows))
    shown = layout.length([*prompt, *pieces])
    total = shown + left_out + hidden
    if index not in rows or (shown == total and is_refused(card(approval))):
        return 0, total
    return shown, total


def is_refused(message: Message) -> bool:
    """Whether Slack would refuse it, so that a plain one is sent in its place."""
    return bool(problems_of(message))


def problems_of(message: Message) -> list[BlockProblem]:
    """Why Slack would refuse it."""
    return check_message({"text": message.text, "blocks": message.blocks}, text_limit=limits.UPDATE_TEXT)


def _rows(approval: Approval, hidden: list[int]) -> Iterable[Block]:
    pending = approval.state is State.PENDING
    rows = _open_rows(approval) if pending else list(enumerate(approval.reviews))
    most = _ROWS if pending else _CLOSED_ROWS
    yield from _decided_lines(approval) if pending else ()
    for position, (index, _) in enumerate(rows[:most]):
        if position and len(rows) <= _DIVIDED_ROWS:
            yield blocks.divider()
        shown, left_out = _fitted_action(approval, index, min(len(rows), most))
        hidden.append(left_out)
        yield from layout.drawn(shown)
        yield from _row_end(approval, index)
        yield from _offered_words(approval, hidden)
    later = rows[most:]
    if later:
        hidden.append(sum(layout.length(whole.action_pieces(approval, index)) for index, _ in later))
        follow = " follow when some of these are decided" if pending else " are not shown here"
        yield blocks.context(f"{len(later)} more of {len(approval.reviews)} actions{follow}.")


def _offered_words(approval: Approval, hidden: list[int]) -> Iterable[Block]:
    """What the requester wrote before the question was there, and the button that sends it."""
    pieces = whole.offered_pieces(approval)
    if not pieces:
        return
    shown, left_out = layout.fitted(pieces, _BUDGET // 3)
    hidden.append(left_out)
    yield from layout.drawn(shown)
    last = approval.offered[-1].said
    value = f"{last} {Target(approval.id, 0, approval.reviews[0].revision)}"
    yield blocks.actions("words", [blocks.button("Send as my answer", SEND_WORDS, value)])


def _open_rows(approval: Approval) -> list[tuple[int, Review]]:
    return [(index, review) for index, review in enumerate(approval.reviews) if review.decision is None]


def _decided_lines(approval: Approval) -> Iterable[Block]:
    lines = [
        f"{index + 1}. {wording.one_line(action.name, 80)}: "
        f"{wording.decided(approval.ask.kind, review, review.decision, _FEW_NAMES)}"
        for index, (action, review) in enumerate(zip(approval.ask.actions, approval.reviews, strict=True))
        if review.decision is not None
    ]
    for start in range(0, min(len(lines), _DECIDED_LINES), 10):
        yield blocks.context("\n".join(lines[start : start + 10]))
    if len(lines) > _DECIDED_LINES:
        yield blocks.context(f"and {len(lines) - _DECIDED_LINES} more decided actions")


def _row_end(approval: Approval, index: int) -> Iterable[Block]:
    review, batch = approval.reviews[index], len(approval.reviews) > 1
    if approval.state is not State.PENDING:
        if batch and review.decision is not None:
            yield blocks.context(wording.decided(approval.ask.kind, review, review.decision, _FEW_NAMES))
        return
    known = [wording.votes(approval, index, _FEW_NAMES if batch else _MANY_NAMES), wording.own_words(approval, index)]
    if batch and not approval.ask.is_question:
        known.append(wording.who_decides(approval, review.governing, _FEW_NAMES))
    if Choice.ANSWER in approval.ask.actions[index].choices and set(_offered(approval, index)) <= {Choice.REJECT}:
        known.append("One person's answer cannot stand for several approvals, so this can only be rejected")
    told = " · ".join(each for each in known if each)
    if told:
        yield blocks.context(told)
    buttons = _buttons(approval, index)
    if buttons:
        yield blocks.actions(f"action:{index}", buttons)


def _buttons(approval: Approval, index: int) -> list[Block]:
    action, review = approval.ask.actions[index], approval.reviews[index]
    value = str(Target(approval.id, index, review.revision))
    made = [
        blocks.button(
            wording.words(approval.ask.kind, choice).button,
            ACTION_IDS[choice],
            value,
            style=_STYLES.get(choice, ""),
            described=f"{wording.words(approval.ask.kind, choice).button} {action.name}"
            if len(approval.reviews) > 1
            else "",
        )
        for choice in _offered(approval, index)
        if choice is not Choice.OPTION
    ]
    return [*made, *_allow_button(approval, index), *_option_buttons(approval, index)]


def without_grants(buttons: Iterable[Block]) -> list[Block]:
    """The same buttons for a place that does not show all."""
    return [each for each in buttons if each["action_id"] != ALLOW]


def _allow_button(approval: Approval, index: int) -> list[Block]:
    """The approval with a grant: only where the card shows all that it would allow, and is the card that is posted."""
    prompt, action = _fitted_prompt(approval), _fitted_action(approval, index, len(_open_rows(approval)[:_ROWS]))
    whole_ = not prompt[1] and not action[1]
    terms = approval.reviews[index].policy.grants
    if terms is None or not grants.is_offered(approval, index, whole=whole_):
        return []
    value = str(Target(approval.id, index, approval.reviews[index].revision))
    button = blocks.button(f"Allow like this for {wording.span(terms.lasts)}", ALLOW, value)
    return [button | {"confirm": more.confirm("Allow calls like this?", wording.allows(approval, index), "Allow")}]


def _option_buttons(approval: Approval, index: int) -> list[Block]:
    """The node's further choices under its own words: a button each, or a menu that asks once more."""
    action, revision = approval.ask.actions[index], approval.reviews[index].revision
    if Choice.OPTION not in action.choices or not action.options:
        return []
    name = ACTION_IDS[Choice.OPTION]
    targets = [str(Target(approval.id, index, revision, place)) for place in range(len(action.options))]
    labels = [wording.option_label(each.word) for each in action.options]
    if len(labels) > _OPTION_BUTTONS:
        return [blocks.menu("Other choices", name, list(zip(labels, targets, strict=True)))]
    pairs = enumerate(zip(labels, targets, strict=True))
    return [blocks.button(label, f"{name}_{place}", target) for place, (label, target) in pairs]


def _offered(approval: Approval, index: int) -> list[Choice]:
    """The choices that have a button: one person's words cannot stand for a quorum where there is another way."""
    choices = list(dict.fromkeys(approval.ask.actions[index].choices))
    several = approval.reviews[index].policy.quorum > 1 and not approval.ask.is_question
    return [each for each in choices if each is not Choice.ANSWER] if several and len(choices) > 1 else choices


def _left_out(approval: Approval, hidden: int) -> Iterable[Block]:
    """How much is not on the card, and the way to it: before the buttons that decide."""
    if not hidden:
        return
    total = layout.length(whole.everything(approval))
    more = f" {whole.more_as_file(approval)}" if whole.needs_file(approval) else ""
    yield blocks.context(f"This card shows {max(total - hidden, 0):,} of {total:,} characters.{more}")
    if approval.state is State.PENDING:
        yield blocks.actions("show", [show_button(approval)])


def _allowed(approval: Approval) -> Iterable[Block]:
    """What was allowed with its approval."""
    told = [line for review in approval.reviews if (line := wording.allowed(review))]
    if told:
        yield blocks.context(" · ".join(dict.fromkeys(told)))


def _end(approval: Approval, origin: str) -> Iterable[Block]:
    small = _question_end(approval) if approval.ask.is_question else _request_end(approval)
    told = " · ".join(each for each in (*small, origin) if each)
    if told:
        yield blocks.context(told)


def show_button(approval: Approval, label: str = "Show all") -> Block:
    """The way to all that there is to read."""
    return blocks.button(label, SHOW, str(Target(approval.id, 0, approval.reviews[0].revision)))


def _question_end(approval: Approval) -> Iterable[str]:
    asks = f"*{wording.one_line(wording.speaker(approval), 80)}* asks <@{approval.requester}>"
    yield asks if _asks_the_requester(approval) else wording.requested(approval.requester, wording.speaker(approval))
    if approval.state is State.PENDING:
        if not _asks_the_requester(approval):
            yield wording.who_decides(approval, approval.reviews[0].governing)
        yield _how_to_answer(approval)
        yield from wording.authority(approval, _named_by(approval))


def _named_by(approval: Approval) -> str:
    """What the card's other small print says of people."""
    most = _FEW_NAMES if len(approval.reviews) > 1 else _MANY_NAMES
    told = [wording.who_decides(approval, each.governing, most) for each in approval.reviews if each.decision is None]
    return " ".join(told)


def _asks_the_requester(approval: Approval) -> bool:
    """Whether a question is answered by the person whose conversation it is, as where no rule says otherwise."""
    return approval.reviews[0].policy.is_requesters


def _how_to_answer(approval: Approval) -> str:
    if approval.ask.kind is Kind.FORM:
        fills_in = any(Choice.ANSWER in action.choices for action in approval.ask.actions)
        return "Press Answer to fill in the form" if fills_in else "Approve if you want to open the link"
    alone = len(approval.reviews) == 1
    if approval.place != approval.home or not _asks_the_requester(approval) or not alone:
        return "Press Answer to reply"
    return "Reply here to answer" if approval.place.thread_ts is None else "Reply in this thread to answer"


def _request_end(approval: Approval) -> Iterable[str]:
    if approval.ask.kind is Kind.NOTICE:
        yield f"*{wording.one_line(wording.speaker(approval), 80)}* tells <@{approval.requester}>"
    elif approval.ask.kind is not Kind.FAILURE or approval.state is not State.PENDING:
        yield wording.requested(approval.requester, wording.speaker(approval))
    if approval.state is State.PENDING:
        if len(approval.reviews) == 1:
            yield wording.who_decides(approval, approval.reviews[0].governing)
        yield from wording.authority(approval, _named_by(approval))
        if approval.ask.unguarded:
            yield wording.UNGUARDED
