"""Lists of requests and grants: the Home tab, and answers to commands."""

from collections.abc import Iterable

from adapters.slack.drawing.sentences.people import names
from adapters.slack.drawing.untrusted_text import mrkdwn_line
from engine.approvals.approval import Approval
from engine.ports import SourcePeople, Waiting
from engine.sources import Origin

WAITING = "Waiting for you"
OWN = "Your requests"
LATELY = "Decided lately"
GRANTS = "Your permissions"
NOTHING_WAITS = "Nothing is waiting for your decision."
NOTHING_ASKED = "You have no open requests."
NOTHING_LATELY = "Nothing was decided lately."
NO_GRANTS = "You have given no permissions that are still valid."
_MOST = 20


def counted(title: str, count: int) -> str:
    """A title, with the length of its list."""
    return f"{title} ({count})" if count else title


def incomplete(waiting: Waiting) -> Iterable[str]:
    """The reasons why the list of waiting requests may lack some."""
    if waiting.unsure:
        what = "request" if waiting.unsure == 1 else "requests"
        yield f"⚠️ I couldn't check whether you may decide {waiting.unsure} more {what}. Try again in a moment."
    if waiting.cut:
        yield "There are very many open requests: only the oldest were checked."


def more_on_home(count: int) -> str:
    """The number of requests that an answer has no room for."""
    return f"{count} more are on my Home tab."


def who_can_decide(approval: Approval, short_id: str, found: Iterable[SourcePeople]) -> str:
    """The people who could decide a request now, and why each could."""
    lines = [f"*Who can decide `{short_id}` now*", *(_source(approval, each) for each in found)]
    if not all(review.policy.own_requests for review in approval.reviews):
        lines.append(f"<@{approval.requester}> made the request and can't approve it.")
    return "\n".join(lines)


def _source(approval: Approval, each: SourcePeople) -> str:
    name = mrkdwn_line(each.source.called, 80)
    match each.source.origin:
        case Origin.CHANNEL:
            return f"• any full member of <#{approval.home.channel}>"
        case Origin.REQUESTER:
            return f"• <@{approval.requester}>, whose conversation it is"
        case Origin.USER:
            return f"• {names(each.people)}, named by the rule"
        case Origin.GROUP:
            why = f"in the group {name}"
        case _:
            why = f"on call: {name}"
    if each.error:
        return f"• {why}: couldn't be checked right now. {mrkdwn_line(each.error, 200)}"
    named = [f"<@{user}>{f' (tier {each.tiers[user]})' if user in each.tiers else ''}" for user in each.people[:_MOST]]
    more = f" and {len(each.people) - _MOST} more" if len(each.people) > _MOST else ""
    return f"• {', '.join(named) or 'nobody'}{more}, {why}"
