"""Labels, hints and errors of modals: plain text, except where Markdown is mentioned."""

from engine.conversation import Conversation
from engine.ports import Snapshot

# Decisions ------------------------------------------------------------------------------------------------------------

UNTOUCHED = "Fields you leave alone won't change."
REASON = "Reason"
ANSWER = "Answer"
APPROVE_WITH_CHANGES = "Approve with changes"
EDIT_STATE = "Edit state"
CONTINUE_WITH_CHANGES = "Continue with changes"
REASON_SEEN = "The agent will see this reason."
REASON_NOT_SENT = "The agent is only told that this was rejected. Your reason stays on the card."
REJECT_STOPS = "The agent has no way to hear a rejection here. The run stops, and the requester will see this reason."
WORDS_SEEN = "The agent will see this."
JSON_HINT = 'Write JSON: true, {"approved": true}, or text in quotes ("some text"). The agent gets exactly this value.'
WRITE_SOMETHING = "Please write a few words."


def seen_in_part(shown: int, total: int, button: str) -> str:
    """The number of characters that somebody has seen of what they are about to decide. Markdown."""
    return f"You have seen {shown:,} of {total:,} characters. *{button}* covers all of it."


def too_many_fields(hidden: int) -> str:
    """The instruction for a schema with too many fields for inputs; `hidden` characters of its list do not fit."""
    more = f" {hidden:,} characters of this list do not fit here." if hidden else ""
    return f"These are more fields than a form holds. Write them as one JSON object.{more}"


# Inputs ---------------------------------------------------------------------------------------------------------------

AS_JSON = "As JSON."
ONE_PER_LINE = "One in each line."
A_NUMBER = "A number, such as 1.50."
FILL_IN = "Please fill this in."
NOT_A_CHOICE = "This is not one of the choices."
NOT_A_NUMBER = "This is not a number."
NOT_WHOLE = "This has to be a whole number."
TOO_LARGE = "This number is too large."
TOO_DEEP = "This is nested too deeply."


def new_value(label: str) -> str:
    """The label of an input for a text that is too long to show."""
    return f"{label} (new value)"


def keeps(length: int) -> str:
    """The hint of such an input."""
    return f"Too long to show here ({length:,} characters). Leave this empty to keep it; what you write replaces it."


def part(label: str, number: int, count: int) -> str:
    """The label of one of several inputs for a long text."""
    return f"{label} (part {number} of {count})"


def too_long(length: int, most: int) -> str:
    """The error of a text that is too long for its input."""
    return f"This has {length:,} characters; at most {most:,} are taken here."


# Time travel ----------------------------------------------------------------------------------------------------------

GO_BACK = "Go back"
RUN_FROM_HERE = "Run from here"
RUN_AGAIN = f"Later steps run again and ask for approval again. {UNTOUCHED}"
VIEW = "View"
NEWER, OLDER = "Newer", "Older"
CONVERSATION = "Conversation"


def conversation(known: Conversation) -> str:
    """The option of a conversation: its agent, start and place."""
    place = "direct messages" if known.direct else "a thread"
    return f"{known.agent}, {known.started_at:%b %d %H:%M} UTC, in {place}"


def step(snapshot: Snapshot) -> str:
    """The step that led to a checkpoint, and the next one. Untrusted: the graph names its nodes."""
    match snapshot.source:
        case "update":
            done = "State changed"
        case "fork":
            done = "Went back to here"
        case "input":
            done = "Message received"
        case _:
            done = f"Finished: {', '.join(snapshot.ran)}" if snapshot.ran else "Message received"
    return f"{done}. Next: {', '.join(snapshot.next)}" if snapshot.next else f"{done}. End"
