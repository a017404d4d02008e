"""Progress of an open request: votes, stages, escalation, mentions, and who is looking at it."""

from collections.abc import Iterable, Sequence

from adapters.slack.drawing.sentences import times
from adapters.slack.drawing.sentences.choices import choice_words, option_in_sentence
from adapters.slack.drawing.sentences.people import MOST_NAMES, everybody, short_text, sources, voters
from adapters.slack.drawing.sentences.times import deadline
from engine.approvals.approval import Approval, Review, Vote
from engine.approvals.calling import MOST
from engine.approvals.electorate import APPROVING, turn_of
from engine.asks.ask import Choice, Kind
from engine.ids import UserId
from engine.sentences.spoken import moment

_SENTENCE = 200


def votes(approval: Approval, index: int, most: int = MOST_NAMES) -> str:
    """The votes so far: `1 of 2 approvals: @alice`; "" if one person decides."""
    review = approval.reviews[index]
    told = [_approvals(approval, index, most), stages(review, most), rejections(review, most)]
    return " · ".join(each for each in told if each)


def _approvals(approval: Approval, index: int, most: int) -> str:
    review, approves = approval.reviews[index], Choice.APPROVE in approval.ask.actions[index].choices
    if review.policy.quorum < 2:  # noqa: PLR2004 - one approval decides
        return ""
    so_far: dict[str, list[Vote]] = {}
    for vote in review.votes:
        if vote.choice is not Choice.REJECT:
            so_far.setdefault(_counted_as(approval.ask.kind, vote), []).append(vote)
    told = [
        f"{len(votes)} of {review.policy.quorum} {what}: {voters(review, votes, most)}"
        for what, votes in so_far.items()
    ]
    return " · ".join(told) or f"0 of {review.policy.quorum} {'approvals' if approves else 'votes'}"


def _counted_as(kind: Kind, vote: Vote) -> str:
    match vote.choice:
        case Choice.APPROVE | Choice.EDIT:
            return "approvals"
        case Choice.OPTION:
            return f"for {option_in_sentence(vote.option)}"
        case _:
            return f"for {choice_words(kind, vote.choice).button}"


def stages(review: Review, most: int) -> str:
    """`Stage 1 of 2: done by @ann; now: @bob`; "" if there is one stage of one part."""
    policy = review.governing
    if len(policy.parts) == 1:
        return ""
    turn, missing = turn_of(review)
    wanted = " and ".join(everybody(policy.stages[turn][place].sources) for place in missing)
    if len(policy.stages) == 1:
        return f"Still needed: {wanted}" if any(vote.choice in APPROVING for vote in review.votes) else ""
    left = [vote for vote in review.votes if vote.choice in APPROVING]
    done: list[str] = []
    for number in range(turn):
        seats = sum(part.quorum for part in policy.stages[number])
        filling = [vote for vote in left if any(each.stage == number for each in vote.fills)][:seats]
        left = [vote for vote in left if vote not in filling]
        done.append(f"Stage {number + 1} of {len(policy.stages)}: done by {voters(review, filling, most)}")
    now = f"stage {turn + 1} of {len(policy.stages)}" if done else f"Stage {turn + 1} of {len(policy.stages)}"
    return "; ".join([*done, f"now {now}: {wanted}" if done else f"{now}: {wanted}"])


def rejections(review: Review, most: int) -> str:
    """`1 of 2 rejections: @bob`, if one is not enough."""
    against = [vote for vote in review.votes if vote.choice is Choice.REJECT]
    if review.policy.reject_quorum == 1 or not against:
        return ""
    return f"{len(against)} of {review.policy.reject_quorum} rejections: {voters(review, against, most)}"


def escalation(reviews: Iterable[Review]) -> str:
    """The people that the request was escalated to so far."""
    taken = [source for each in reviews for rung in each.policy.ladder[: each.escalated] for source in rung.sources]
    return f"Escalated to {everybody(dict.fromkeys(taken))}" if taken else ""


def small_print(approval: Approval, known: str = "") -> Iterable[str]:
    """The escalation, who is looking, who was mentioned, the deadline; `known` has mentions already."""
    yield escalation(approval.reviews)
    yield from looking(approval)
    yield called([approval], known)
    yield from not_called([approval])
    yield deadline(approval)
    yield times.hours(approval)


def looking(approval: Approval) -> Iterable[str]:
    """The person who is looking at the request, and the one it was handed over to."""
    if approval.looking:
        last = approval.looking[-1]
        yield f"<@{last.by}> is looking at this: no reminders until {moment(last.until)}"
    if approval.handed_to is not None:
        yield f"Handed over to <@{approval.handed_to}>"


def called(approvals: Sequence[Approval], known: str) -> str:
    """The people who were mentioned, without those in `known`; and how many were left out."""
    more = max((each.not_called.more for each in approvals), default=0)
    everyone = dict.fromkeys(user for each in approvals for user in each.called)
    users = [user for user in everyone if f"<@{user}>" not in known]
    if not users and not more:
        return ""
    left = f"{more} more {'was' if more == 1 else 'were'} not notified" if more else ""
    shown = f"Notified: {_names(users)}" if users else ""
    return " and ".join(each for each in (shown, left) if each)


def _names(users: Sequence[UserId]) -> str:
    shown = ", ".join(f"<@{user}>" for user in users[: 2 * MOST])
    return shown if len(users) <= 2 * MOST else f"{shown} and {len(users) - 2 * MOST} others"


def not_called(approvals: Sequence[Approval]) -> Iterable[str]:
    """Warnings for people who could not be mentioned, and why."""
    for each in dict.fromkeys(failure for approval in approvals for failure in approval.not_called.failed):
        yield f"⚠️ Couldn't notify {sources((each.source,))}: {short_text(each.why.rstrip('.'), _SENTENCE)}"
    if users := list(dict.fromkeys(user for approval in approvals for user in approval.not_called.unreached)):
        yield f"⚠️ Couldn't notify {_names(users)}: not an active full member, or takes no messages from apps"
