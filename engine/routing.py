"""From what is asked to who decides it, where, and by when.

Rules are read in their order and the first that matches an action governs it; each action of a batch is matched alone.
Where no rule matches: in a channel every full member of it but the requester decides, in a direct message the person
there. A question is answered by the person whose conversation it is, unless a rule says `kind: question`. A notice
decides nothing: no rule governs it, and whoever is there may say that it was seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from engine.approval import Place
from engine.ask import Action, Ask, Kind
from engine.conversation import Conversation
from engine.ids import AgentName, ChannelId
from engine.policy import Approvers, Deadlines, OnExpiry, Policy


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `approvals:`. `agent` and `tool` are patterns (`deploy_*`), None where the entry names none.

    `tool` matches the name of an action. `question` is true for `kind: question`: only such rules govern questions.
    """

    policy: Policy
    deadlines: Deadlines = Deadlines()  # noqa: RUF009 - frozen
    agent: str | None = None
    tool: str | None = None
    question: bool = False
    post_to: ChannelId | None = None

    def matches(self, agent: AgentName, ask: Ask, action: Action) -> bool:
        """Whether it governs this action."""
        if self.question != ask.is_question or ask.kind in (Kind.FAILURE, Kind.NOTICE):
            return False
        if self.agent is not None and not fnmatchcase(agent, self.agent):
            return False
        return self.tool is None or (ask.kind is Kind.TOOL_CALL and fnmatchcase(action.name, self.tool))


@dataclass(frozen=True, slots=True)
class Route:
    """How an ask is to be decided: a policy for each action, deadlines for the whole, and where its card stands."""

    policies: tuple[Policy, ...]
    deadlines: Deadlines
    place: Place


def route(ask: Ask, conversation: Conversation, rules: Sequence[Rule]) -> Route:
    """Settle the rules of an ask.

    A batch takes the soonest deadlines of its actions' rules, and fails on expiry when one of them says so; its card
    goes where the first of them that names a channel says.
    """
    found = [_first(rules, conversation.agent, ask, action) for action in ask.actions]
    policies = tuple(rule.policy if rule else _default(ask, conversation) for rule in found)
    governing = [rule for rule in found if rule]
    channel = next((rule.post_to for rule in governing if rule.post_to is not None), None)
    home = conversation.place
    place = home if channel in (None, home.channel) else Place(home.team, channel or home.channel)
    return Route(policies, _soonest([rule.deadlines for rule in governing]), place)


def _first(rules: Sequence[Rule], agent: AgentName, ask: Ask, action: Action) -> Rule | None:
    return next((rule for rule in rules if rule.matches(agent, ask, action)), None)


def _default(ask: Ask, conversation: Conversation) -> Policy:
    if ask.kind is Kind.NOTICE and not conversation.direct:
        return Policy("default: anybody in the channel takes note", Approvers.CHANNEL, own_requests=True)
    if ask.is_the_requesters:
        return Policy("default: the requester answers", Approvers.REQUESTER)
    if conversation.direct:
        return Policy("default: the person in the direct message decides", Approvers.REQUESTER)
    return Policy("default: any other member of the channel decides", Approvers.CHANNEL)


def _soonest(deadlines: Sequence[Deadlines]) -> Deadlines:
    fails = any(each.on_expiry is OnExpiry.FAIL for each in deadlines if each.expires_after is not None)
    return Deadlines(
        remind_after=_least(each.remind_after for each in deadlines),
        expires_after=_least(each.expires_after for each in deadlines),
        on_expiry=OnExpiry.FAIL if fails else OnExpiry.REJECT,
    )


def _least(times: Iterable[timedelta | None]) -> timedelta | None:
    return min((time for time in times if time is not None), default=None)
