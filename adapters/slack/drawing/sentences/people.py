"""People: who asked, who can decide, who voted and on what grounds.

A vote shows why its author may decide if the rule does not name them: `@bob (on call: pay, tier 1)`. The audit has all
of it (P11). A group is written as text, never as Slack's mention of it, which would notify all its members.
"""

from collections.abc import Iterable, Sequence

from adapters.slack.drawing.untrusted_text import mrkdwn_line
from engine.approvals.approval import Approval, Review, Vote, supports
from engine.asks.ask import Choice, Decision, Kind
from engine.authority.parts import Part, Stage
from engine.authority.policy import CHANNEL, REQUESTER, Policy
from engine.ids import UserId
from engine.sentences.spoken import SPOKEN, capitalized
from engine.sources import Ground, Origin, Source

MOST_NAMES = 20
FEW_NAMES = 4
_SHORT = 60


def names(users: Sequence[UserId], most: int = MOST_NAMES) -> str:
    """Mentions in the given order; beyond `most` they are counted."""
    shown = ", ".join(f"<@{user}>" for user in users[:most])
    return shown if len(users) <= most else f"{shown} and {len(users) - most} more"


def speaker(approval: Approval) -> str:
    """The agent's name, or the one that the graph gives. Untrusted."""
    return approval.ask.speaker or approval.agent


def requested(requester: UserId, via: str, *, strong: bool = True) -> str:
    """The requester, and the agent that asks; `via` is untrusted."""
    name = mrkdwn_line(via, 80)
    return f"Requested by <@{requester}> via {f'*{name}*' if strong else name}"


def who_decides(approval: Approval, policy: Policy, most: int = MOST_NAMES) -> str:
    """The people who can decide, as a sentence."""
    ask, who = approval.ask, who_can(approval, policy, most)
    can_approve = any(Choice.APPROVE in action.choices for action in ask.actions)
    decide = _DOES.get(ask.kind) or ("answer" if ask.is_question else "approve" if can_approve else "decide")
    if policy.is_requesters:
        return f"Only {who} can {decide}"
    if policy.sources != (CHANNEL,) and decide in ("approve", "decide"):
        return f"Approvers: {who}"
    return f"{capitalized(who)} can {decide}"


_DOES = {Kind.FAILURE: "retry", Kind.NOTICE: "mark this as seen"}


def who_can(approval: Approval, policy: Policy, most: int = MOST_NAMES) -> str:
    """The people who can decide, worded so that it is true for every reader."""
    if len(policy.parts) == 1:
        return _of_part(approval, policy, policy.parts[0], most)
    return ", then ".join(_of_stage(approval, policy, stage, most) for stage in policy.stages)


def _of_stage(approval: Approval, policy: Policy, stage: Stage, most: int) -> str:
    """The people of a stage: `one of @ann, @bob and 2 members of @payments`."""
    return " and ".join(_so_many(part.quorum, _of_part(approval, policy, part, most)) for part in stage)


def _so_many(quorum: int, people: str) -> str:
    """A quorum of people, who are named as by `_of_part`: `one of @ann and @bob`, `2 people on call (pay)`."""
    alone = " or " not in people and ", " not in people and " and " not in people
    if alone and quorum == 1 and not people.startswith("members of "):
        return people
    if alone and people.startswith("the person "):
        return f"{quorum} people {people.removeprefix('the person ')}"
    if alone and people.startswith("members of "):
        return f"{'a member' if quorum == 1 else f'{quorum} members'} of {people.removeprefix('members of ')}"
    return f"{'one' if quorum == 1 else quorum} of {people}"


def _of_part(approval: Approval, policy: Policy, part: Part, most: int) -> str:
    users = sorted(part.named - (frozenset() if policy.own_requests else {approval.requester}))
    others = sources(part.sources)
    told = [names(users, most)] if users and not approval.names_nobody_yet else []
    told += [others] if others else []
    if users and approval.names_nobody_yet:
        told.append(f"{len(users)} {'person' if len(users) == 1 else 'people'} whom the rule names")
    if CHANNEL in part.sources:
        told.append(_of_channel(approval, policy))
    if REQUESTER in part.sources:
        told.append(f"<@{approval.requester}>")
    return " or ".join(told) or "nobody"


def _of_channel(approval: Approval, policy: Policy) -> str:
    elsewhere = approval.place.channel != approval.home.channel
    member = f"any member of <#{approval.home.channel}>" if elsewhere else "any channel member"
    return member if policy.own_requests else f"{member} except the requester"


def sources(found: Iterable[Source]) -> str:
    """The members of groups and the people on call, without other sources."""
    return " or ".join(
        SPOKEN[each.origin].format(short_text(each.label or each.name)) for each in found if each.origin in SPOKEN
    )


def everybody(found: Iterable[Source]) -> str:
    """All sources, people who are named included."""
    found = tuple(found)
    named = [f"<@{each.name}>" for each in found if each.origin is Origin.USER]
    others = sources(found)
    channel = ["channel members"] * any(each.origin is Origin.CHANNEL for each in found)
    return " or ".join([*([", ".join(named)] if named else []), *([others] if others else []), *channel])


def voters(review: Review, votes: Sequence[Vote], most: int) -> str:
    """The voters, each with the grounds of the vote."""
    grounds = ((vote.by, grounds_of(_used(review, vote))) for vote in votes[:most])
    shown = ", ".join(f"<@{user}> ({word})" if word else f"<@{user}>" for user, word in grounds)
    return shown if len(votes) <= most else f"{shown} and {len(votes) - most} more"


def deciders(review: Review, decision: Decision, most: int) -> str:
    """The people whose votes made a decision."""
    return voters(review, [vote for vote in review.votes if supports(vote, decision)], most)


def grounds_of(grounds: Sequence[Ground]) -> str:
    """The grounds of a vote; "" for a person who is named or a member of the channel."""
    if any(each.source.origin in (Origin.USER, Origin.REQUESTER) for each in grounds):
        return ""
    for origin in (Origin.ON_CALL, Origin.GROUP):
        ground = next((each for each in grounds if each.source.origin is origin), None)
        if ground is not None:
            name = short_text(ground.source.label or ground.source.name)
            tier = f", tier {ground.tier}" if ground.tier is not None else ""
            return f"on call: {name}{tier}" if origin is Origin.ON_CALL else name
    return ""


def _used(review: Review, vote: Vote) -> Sequence[Ground]:
    """The grounds that count in the first stage that the vote fills; a later stage may have others."""
    stages = review.governing.stages
    first = min((each.stage for each in vote.fills if each.stage < len(stages)), default=0)
    named = {source for part in stages[first] for source in part.sources}
    return [each for each in vote.grounds if each.source in named] or vote.grounds


def short_text(text: str, at_most: int = _SHORT) -> str:
    """Untrusted text on one line."""
    return mrkdwn_line(text, at_most)
