"""What a card's small print shows of authority: who voted and why they may, whose turn it is, who was called. Pure.

A vote says in a word why its author might decide, where the rule does not name them: `@bob (on call: pay, tier 1)`. The
audit has it in full (P11). A group is written as text, never as Slack's mention of it: that would call all its members.
"""

from collections.abc import Iterable, Sequence

from adapters.slack.drawing.untrusted_text import mrkdwn, plain
from engine.approvals.approval import Approval, Review, Vote, supports
from engine.approvals.calling import MOST
from engine.approvals.voting import APPROVING, turn_of
from engine.asks.ask import Choice, Decision
from engine.authority.hours import spoken as spoken_hours
from engine.ids import UserId
from engine.sources import Ground, Origin, Source

_SHORT = 60
_SENTENCE = 200


def _short(text: str, at_most: int = _SHORT) -> str:
    return mrkdwn(plain(text, at_most))


def sources(found: Iterable[Source]) -> str:
    """Who belongs to groups and schedules, and to nothing else of these."""
    told = {Origin.GROUP: "members of @{}", Origin.ON_CALL: "whoever is on call ({})"}
    return " or ".join(
        told[each.origin].format(_short(each.label or each.name)) for each in found if each.origin in told
    )


def everybody(found: Iterable[Source]) -> str:
    """The same with the people who are named."""
    found = tuple(found)
    named = [f"<@{each.name}>" for each in found if each.origin is Origin.USER]
    others = sources(found)
    channel = ["channel members"] * any(each.origin is Origin.CHANNEL for each in found)
    return " or ".join([*([", ".join(named)] if named else []), *([others] if others else []), *channel])


def why(grounds: Sequence[Ground]) -> str:
    """Why somebody might vote, in a word; "" for who is named, or in the channel."""
    if any(each.source.origin in (Origin.USER, Origin.REQUESTER) for each in grounds):
        return ""
    for origin in (Origin.ON_CALL, Origin.GROUP):
        ground = next((each for each in grounds if each.source.origin is origin), None)
        if ground is not None:
            name = _short(ground.source.label or ground.source.name)
            tier = f", tier {ground.tier}" if ground.tier is not None else ""
            return f"on call: {name}{tier}" if origin is Origin.ON_CALL else name
    return ""


def voters(review: Review, votes: Sequence[Vote], most: int) -> str:
    """Who voted, each with why they may."""
    words = ((vote.by, why(_used(review, vote))) for vote in votes[:most])
    shown = ", ".join(f"<@{user}> ({word})" if word else f"<@{user}>" for user, word in words)
    return shown if len(votes) <= most else f"{shown} and {len(votes) - most} more"


def _used(review: Review, vote: Vote) -> Sequence[Ground]:
    """The grounds on which somebody votes in the first stage that they can: they may have others in a later one."""
    stages = review.governing.stages
    first = min((each.stage for each in vote.fills if each.stage < len(stages)), default=0)
    named = {source for part in stages[first] for source in part.sources}
    return [each for each in vote.grounds if each.source in named] or vote.grounds


def deciders(review: Review, decision: Decision, most: int) -> str:
    """Those whose votes made a decision."""
    return voters(review, [vote for vote in review.votes if supports(vote, decision)], most)


def stages(review: Review, most: int) -> str:
    """`Stage 1 of 2: done by @ann; now: @bob`; nothing where there is one stage of one part."""
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
    """`1 of 2 rejections: @bob`, where one does not close it."""
    against = [vote for vote in review.votes if vote.choice is Choice.REJECT]
    if review.policy.reject_quorum == 1 or not against:
        return ""
    return f"{len(against)} of {review.policy.reject_quorum} rejections: {voters(review, against, most)}"


def escalation(reviews: Iterable[Review]) -> str:
    """To whom the ladder went so far."""
    taken = [source for each in reviews for rung in each.policy.ladder[: each.escalated] for source in rung.sources]
    return f"Escalated to {everybody(dict.fromkeys(taken))}" if taken else ""


def called(approvals: Sequence[Approval], known: str) -> str:
    """Who was called, but for those whom `known` mentions already; and how many were not."""
    more = max((each.not_called.more for each in approvals), default=0)
    everyone = dict.fromkeys(user for each in approvals for user in each.called)
    users = [user for user in everyone if f"<@{user}>" not in known]
    if not users and not more:
        return ""
    left = f"{more} more {'is' if more == 1 else 'are'} not called" if more else ""
    shown = f"Called: {_names(users)}" if users else ""
    return " and ".join(each for each in (shown, left) if each)


def _names(users: Sequence[UserId]) -> str:
    shown = ", ".join(f"<@{user}>" for user in users[: 2 * MOST])
    return shown if len(users) <= 2 * MOST else f"{shown} and {len(users) - 2 * MOST} others"


def not_called(approvals: Sequence[Approval]) -> Iterable[str]:
    """Why some are not called who should be."""
    for each in dict.fromkeys(failure for approval in approvals for failure in approval.not_called.failed):
        yield f"⚠️ Nobody could be called by {sources((each.source,))}: {_short(each.why.rstrip('.'), _SENTENCE)}"
    if users := list(dict.fromkeys(user for approval in approvals for user in approval.not_called.unreached)):
        yield f"⚠️ Not reached: {_names(users)} (no active full member, or takes no messages from apps)"


def hours(approval: Approval) -> str:
    """When its clocks rest."""
    clocks = approval.deadlines
    runs = clocks.reminders or any(review.policy.ladder for review in approval.reviews)
    if clocks.hours is None or not (runs or (clocks.expires_after is not None and not clocks.always)):
        return ""
    return f"The clock rests outside {spoken_hours(clocks.hours)}"
