"""Names of choices: on buttons, and in sentences once they are made."""

from dataclasses import dataclass

from adapters.blockkit import limits
from adapters.slack.drawing.untrusted_text import mrkdwn_line, plain_line
from engine.approvals.approval import Approval
from engine.asks.ask import Choice, Kind


@dataclass(frozen=True, slots=True)
class ChoiceWords:
    """The words of a choice: on its button, once it is made, and its sign."""

    button: str
    made: str
    sign: str


_WORDS = {
    Choice.APPROVE: ChoiceWords("Approve", "Approved", "✅"),
    Choice.EDIT: ChoiceWords("Edit", "Approved with changes", "✅"),
    Choice.REJECT: ChoiceWords("Reject", "Rejected", "⛔"),
    Choice.ANSWER: ChoiceWords("Answer", "Answered", "💬"),
    Choice.SKIP: ChoiceWords("Skip", "Skipped", "⏭️"),
    Choice.REDO: ChoiceWords("Ask again", "Asked again", "🔁"),
    Choice.OPTION: ChoiceWords("Choose", "Chosen", "☑️"),
}


_WORDS_OF_KINDS = {
    (Kind.QUESTION, Choice.SKIP): ChoiceWords("Ignore", "Ignored", "⏭️"),
    (Kind.NOTICE, Choice.SKIP): ChoiceWords("Got it", "Seen", "✔️"),
    (Kind.BREAKPOINT, Choice.APPROVE): ChoiceWords("Continue", "Continued", "▶️"),
    (Kind.BREAKPOINT, Choice.EDIT): ChoiceWords("Edit state", "Continued with changes", "▶️"),
    (Kind.BREAKPOINT, Choice.REJECT): ChoiceWords("Stop", "Stopped", "⏹️"),
    (Kind.FAILURE, Choice.APPROVE): ChoiceWords("Retry", "Retried", "🔁"),
    (Kind.FAILURE, Choice.REJECT): ChoiceWords("Dismiss", "Dismissed", "⏹️"),
}


def choice_words(kind: Kind, choice: Choice) -> ChoiceWords:
    """The words of a choice in a request of this kind."""
    return _WORDS_OF_KINDS.get((kind, choice), _WORDS[choice])


OTHER_CHOICES = "Other choices"
SEND_WORDS = "Send as my answer"
_OURS = frozenset(each.button.casefold() for each in (*_WORDS.values(), *_WORDS_OF_KINDS.values()))


def option_label(word: str) -> str:
    """A node's own word as a button; in quotes if it would pass for a button of ours."""
    shown = plain_line(word, limits.BUTTON_TEXT)
    return f"“{shown}”" if shown.casefold() in _OURS else shown


def words_label(asks_for: str) -> str:
    """The label of the input for the words that go with a choice, as the node calls them."""
    return plain_line(asks_for.replace("_", " ").strip().capitalize(), limits.BUTTON_TEXT)


def option_in_sentence(word: str) -> str:
    """A node's own word in a sentence of ours."""
    return f"*{mrkdwn_line(word, limits.BUTTON_TEXT)}*"


def node_words(approval: Approval, index: int) -> str:
    """The node's own words for the choices of our buttons, if they differ: `Approve sends “yes”`."""
    action = approval.ask.actions[index]
    told = [
        f"{choice_words(approval.ask.kind, choice).button} sends “{mrkdwn_line(word, limits.BUTTON_TEXT)}”"
        for choice in action.choices
        if (word := (action.own_words or {}).get(choice.value))
    ]
    return " · ".join(told)
