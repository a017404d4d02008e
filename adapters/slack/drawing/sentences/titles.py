"""Headlines of cards."""

from adapters.blockkit import limits
from adapters.slack.drawing.untrusted_text import plain_line
from engine.approvals.approval import Approval, State
from engine.asks.ask import Ask, Kind

APPROVAL_NEEDED = "Approval needed"


def title(approval: Approval) -> str:
    """The headline. Untrusted: it names tools."""
    asking, actions = approval.state is State.PENDING, approval.ask.actions
    match approval.ask.kind:
        case Kind.TOOL_CALL if len(actions) > 1:
            return f"Approve {len(actions)} actions?" if asking else f"{len(actions)} actions"
        case Kind.TOOL_CALL:
            return f"Approve {actions[0].name}?" if asking else actions[0].name
        case Kind.NOTICE | Kind.QUESTION if len(actions) == 1:
            return actions[0].name
        case Kind.NOTICE | Kind.QUESTION:
            return f"{len(actions)} {approval.ask.kind}s"
        case Kind.TEXT:
            return "Please review this text" if asking else "Text for review"
        case Kind.BREAKPOINT:
            return _step_question(approval) if asking else "Breakpoint"
        case Kind.FAILURE:
            return "The agent stopped"
        case _:
            return APPROVAL_NEEDED if asking else "Approval request"


def is_titled(approval: Approval) -> bool:
    """True if the card has a headline: a question in words needs none."""
    ask = approval.ask
    return not ask.is_question or (ask.kind is Kind.QUESTION and not ask.prompt)


def _step_question(approval: Approval) -> str:
    """The prompt, if it is a question that fits a headline."""
    prompt = approval.ask.prompt
    return prompt if prompt.endswith("?") and prompt == plain_line(prompt, limits.HEADER_TEXT) else "Continue?"


def is_markdown(ask: Ask) -> bool:
    """True if the prompt is Markdown: an agent's is; ours for an error or a breakpoint is not."""
    return ask.kind not in (Kind.FAILURE, Kind.BREAKPOINT)
