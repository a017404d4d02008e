"""Ids and values of everything that can be pressed or sent: cards and modals write them, `inbound.payloads` reads them.

| pressed or sent | id | value | drawn by | read by |
|---|---|---|---|---|
| a choice on a card, Allow, Send as my answer, Show all | `ACTION_IDS`, `ALLOW`, `SEND_WORDS`, `SHOW` | `Target` | `cards.buttons`, `cards.card` | `buttons.pressed` |
| the modal of a choice | `CALLBACKS` | `Target`, layout of the form | `forms.modals` | `forms.decision` |
| Approve all on a sheet | `APPROVE_ALL` | `ShownRows` | `cards.approve_all` | `buttons.pressed_all` |
| a card's menu, Nudge, Withdraw | `MENU`, `MENU_BUTTONS` | `MenuChoice` | `cards.card_menu` | `buttons.menu` |
| the modal of a menu option | `MENU_FORMS` | `MenuChoice` | `forms.card_menu` | `forms.menu` |
| History in a card's menu, View, another page | `MENU`, `TIME_TRAVEL_VIEW`, `TIME_TRAVEL_PAGE` | `Point` | `forms.time_travel` | `buttons.time_travel` |
| the modals of time travel | `TIME_TRAVEL`, `TIME_TRAVEL_RUN` | `Point`, layout of the form | `forms.time_travel` | `forms.time_travel` |
| Home: another page, Revoke | `HOME_PAGE`, `REVOKE` | `Pages`, and a grant's id | `cards.home` | `buttons.home` |

Cards stay in Slack for months: an id or a spelling that was ever posted must still be read.
"""  # noqa: E501 - a table

from dataclasses import dataclass

from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from engine.approvals.approval import Approval
from engine.approvals.events import Doing
from engine.asks.ask import Choice
from engine.ids import ApprovalId, GrantId, SheetId, ThreadId

# Cards ----------------------------------------------------------------------------------------------------------------

ACTION_IDS = {
    Choice.APPROVE: "signoff_approve",
    Choice.EDIT: "signoff_edit",
    Choice.REJECT: "signoff_reject",
    Choice.ANSWER: "signoff_answer",
    Choice.SKIP: "signoff_skip",
    Choice.REDO: "signoff_redo",
    Choice.OPTION: "signoff_option",
}
"""The buttons of a choice; those of several options are numbered: `signoff_option_0`."""
ALLOW = "signoff_allow"
"""Approves, and allows calls like it for a while."""
SEND_WORDS = "signoff_send_words"
"""Answers with words that were written before the question; its value starts with the timestamp of the last ones."""
SHOW = "signoff_show"
UNSHOWN = "unshown:"
"""Begins the block id of the buttons of a message that shows nothing of the request: a press asks for confirmation."""
CALLBACKS = {
    Choice.APPROVE: "signoff_approve",
    Choice.EDIT: "signoff_edit",
    Choice.REJECT: "signoff_reject",
    Choice.ANSWER: "signoff_answer",
    Choice.OPTION: "signoff_option",
}


@dataclass(frozen=True, slots=True)
class Target:
    """The action of an approval that a button or a form is about, at the revision that was shown.

    `option` is the index of a further choice among the action's options.
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
        """Read a button's value. Raises ValueError for anything else."""
        place, revision, approval = spelled.split(".", 2)
        action, colon, option = place.partition(":")
        return cls(ApprovalId(approval), int(action), int(revision), int(option) if colon else None)


def show_button(approval: Approval, label: str = "Show all") -> Block:
    """The button that opens the full request."""
    return blocks.button(label, SHOW, str(Target(approval.id, 0, approval.reviews[0].revision)))


# Sheets ---------------------------------------------------------------------------------------------------------------

APPROVE_ALL = "signoff_approve_all"


@dataclass(frozen=True, slots=True)
class ShownRows:
    """The rows of a sheet that Approve all covers, as mark and revision: those that are fully shown."""

    thread: ThreadId
    sheet: SheetId
    rows: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return f"{self.sheet} {','.join(f'{mark}.{revision}' for mark, revision in self.rows)} {self.thread}"

    @classmethod
    def read(cls, spelled: str) -> "ShownRows":
        """Read a button's value. Raises ValueError for anything else."""
        sheet, rows, thread = spelled.split(" ", 2)
        pairs = (row.split(".", 1) for row in rows.split(","))
        return cls(ThreadId(thread), SheetId(sheet), tuple((mark, int(revision)) for mark, revision in pairs))

    def approval(self, mark: str) -> ApprovalId:
        """The approval of a row."""
        return ApprovalId(f"{self.thread}#{mark}")


# The menu of a card ---------------------------------------------------------------------------------------------------

MENU = "signoff_more"
MENU_BUTTONS = {Doing.NUDGE: "signoff_nudge", Doing.WITHDRAW: "signoff_withdraw"}
MENU_FORMS = {
    Doing.HAND_OVER: "signoff_hand_over",
    Doing.EXTEND: "signoff_extend",
    Doing.WITHDRAW: "signoff_withdraw",
}
WHO_CAN_DECIDE = "who"
STOP_ALLOWING = "disallow"


@dataclass(frozen=True, slots=True)
class MenuChoice:
    """An option of a card's menu, or a button beside it. `doing` is None for `WHO_CAN_DECIDE` and `STOP_ALLOWING`."""

    approval: ApprovalId
    doing: Doing | None
    stops_allowing: bool = False

    @classmethod
    def read(cls, spelled: str) -> "MenuChoice":
        """Read an option's value. Raises ValueError for anything else."""
        word, _, approval = spelled.partition(" ")
        if "#" not in approval:
            raise ValueError(spelled)
        doing = None if word in (WHO_CAN_DECIDE, STOP_ALLOWING) else Doing(word)
        return cls(ApprovalId(approval), doing, word == STOP_ALLOWING)


# Time travel ----------------------------------------------------------------------------------------------------------

MENU_TIME_TRAVEL = "history"
"""The option of a card's menu; a `Point` follows it."""
TIME_TRAVEL = "signoff_history"
"""The modal that asks which conversation; on cards of older versions also the action of their menu."""
TIME_TRAVEL_VIEW = "signoff_look"
TIME_TRAVEL_PAGE = "signoff_page"
TIME_TRAVEL_RUN = "signoff_travel"


@dataclass(frozen=True, slots=True)
class Point:
    """A checkpoint of a conversation, or, without one, a page of its checkpoints from 0."""

    thread: ThreadId
    checkpoint: str = ""
    page: int = 0

    def __str__(self) -> str:
        return f"{self.page} {self.checkpoint or '-'} {self.thread}"

    @classmethod
    def read(cls, spelled: str) -> "Point":
        """Read a button's value. Raises ValueError for anything else."""
        page, checkpoint, thread = spelled.split(" ", 2)
        return cls(ThreadId(thread), "" if checkpoint == "-" else checkpoint, int(page))


# Home -----------------------------------------------------------------------------------------------------------------

HOME_PAGE = "signoff_home"
REVOKE = "signoff_revoke"


@dataclass(frozen=True, slots=True)
class Pages:
    """The page of each list that a person's Home shows, from 0."""

    waiting: int = 0
    own: int = 0
    lately: int = 0

    def __str__(self) -> str:
        return f"{self.waiting}.{self.own}.{self.lately}"

    @classmethod
    def read(cls, spelled: str) -> "Pages":
        """Read a button's value. Raises ValueError for anything else."""
        waiting, own, lately = map(int, spelled.split("."))
        if min(waiting, own, lately) < 0:
            raise ValueError(spelled)
        return cls(waiting, own, lately)


def revocation(spelled: str) -> tuple[Pages, GrantId]:
    """Read the value of a Revoke button. Raises ValueError for anything else."""
    pages, _, grant = spelled.partition(" ")
    if not grant:
        raise ValueError(spelled)
    return Pages.read(pages), GrantId(grant)
