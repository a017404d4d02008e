"""Routing: who decides an ask, where its card is posted, and by when.

The first rule that matches an action governs it; each action of a batch is matched alone. If nobody can tell whether a
rule matches, it counts as matched and a person is asked: it decides nothing by itself, and if it names no approvers,
the next rule that names some does (see `engine.rules.conditions`).

If no rule matches: in a channel, any full member except the requester decides; in a direct message, the person there.
A question is answered by the person whose conversation it is, unless a rule says `kind: question`. A notice decides
nothing: no rule governs it, and anybody in the channel may acknowledge it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase

from engine.approvals.approval import Calling, Notify, Place
from engine.approvals.events import Automatic
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind
from engine.authority.policy import CHANNEL, REQUESTER, Deadlines, OnExpiry, Policy, one_part
from engine.conversation import Conversation
from engine.ids import AgentName, ChannelId
from engine.rules import tool_names
from engine.rules.conditions import Circumstances, Condition, Finding, Name, Verdict, all_of
from engine.sources import Origin


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `approvals:`. `agent` and `tool` are patterns (`deploy_*`), None if the entry names none.

    `tool` matches the name of an action. `question` is true for `kind: question`: only such rules govern questions.
    `policy` is None if the rule decides automatically: then `decide` is the decision, and with `quiet` no card shows
    it. `notify` is None if the rule leaves it to the default.
    """

    name: str
    policy: Policy | None = None
    deadlines: Deadlines = Deadlines()  # noqa: RUF009 - frozen
    agent: str | None = None
    tool: str | None = None
    condition: Condition | None = None
    question: bool = False
    decide: Choice | None = None
    quiet: bool = False
    post_to: ChannelId | None = None
    notify: Notify | None = None
    broadcast: bool = True

    def matches(self, ask: Ask, action: Action, value: Json, asked: Circumstances) -> Finding:
        """Match it against an action with its current value."""
        if self.question != ask.is_question or ask.kind in (Kind.FAILURE, Kind.NOTICE):
            return _FAILS
        if not self.names_agent(asked.agent):
            return _FAILS
        named = self._names_tool(ask, action)
        if self.condition is None or named is Verdict.FAILS:
            return Finding(named, LOOKS_ALIKE if named is Verdict.UNKNOWN else "")
        judged = self.condition.judge(value, action.schema, asked)
        found = all_of((named, judged.verdict))
        return Finding(found, judged.why or LOOKS_ALIKE if found is Verdict.UNKNOWN else "")

    def names_agent(self, agent: AgentName) -> bool:
        """True if it is for this agent."""
        return self.agent is None or fnmatchcase(agent, self.agent)

    def _names_tool(self, ask: Ask, action: Action) -> Verdict:
        if self.tool is None:
            return Verdict.HOLDS
        return tool_names.match(self.tool, action.name) if ask.kind is Kind.TOOL_CALL else Verdict.FAILS


_FAILS = Finding(Verdict.FAILS)
LOOKS_ALIKE = "the tool's name holds characters that look like others"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of a configuration, and the deadlines for rules without their own."""

    rules: tuple[Rule, ...] = ()
    defaults: Deadlines = Deadlines()  # noqa: RUF009 - frozen

    @property
    def names(self) -> frozenset[Name]:
        """The names that conditions use, which have to be looked up before a request is matched."""
        return frozenset(name for rule in self.rules if rule.condition for name in rule.condition.names)


@dataclass(frozen=True, slots=True)
class Ruled:
    """The ruling on one action: its policy, and the rule that governs it, None for a default.

    `decide` is set if the rule decides automatically; then `policy` is for the case that people have to, after all.
    `why` says why nobody can tell whether a rule matches (untrusted).
    """

    policy: Policy
    rule: Rule | None = None
    decide: Choice | None = None
    why: str = ""

    @property
    def automatic(self) -> Automatic | None:
        """The rule's automatic decision, if it makes one."""
        if self.decide is None or self.rule is None:
            return None
        told = f"{self.rule.name} rejects this automatically." if self.decide is Choice.REJECT else ""
        return Automatic(Decision(self.decide, text=told), "rule", quiet=self.rule.quiet)


@dataclass(frozen=True, slots=True)
class Route:
    """The route of an ask: the ruling on each action, the deadlines, the place of its card, and how people are called.

    `edition` names the edition of the rules.
    """

    ruled: tuple[Ruled, ...]
    deadlines: Deadlines
    place: Place
    calling: Calling
    edition: str = ""

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policy of each action."""
        return tuple(each.policy for each in self.ruled)

    @property
    def automatic(self) -> tuple[Automatic | None, ...]:
        """The automatic decision on each action, if a rule makes one."""
        return tuple(each.automatic for each in self.ruled)


def route(ask: Ask, conversation: Conversation, book: Rulebook, asked: Circumstances) -> Route:
    """Make the route of an ask.

    A batch takes the soonest deadlines of its actions' rules, and fails on expiry if one of them says so; its card goes
    to the channel of the first rule that names one.
    """
    direct = conversation.direct
    ruled = tuple(rule_for(ask, each, each.value, book, asked, direct=direct) for each in ask.actions)
    governing = [each.rule for each in ruled if each.rule]
    channel = next((rule.post_to for rule in governing if rule.post_to is not None), None)
    home = conversation.place
    place = home if channel in (None, home.channel) else Place(home.team, channel or home.channel)
    waits = [each for each in ruled if each.decide is None] or ruled
    deadlines = _soonest([_deadlines(each, ask, book) for each in waits])
    return Route(ruled, deadlines, place, _calling(waits, ask, place, home))


def possible_policies(agent: AgentName, book: Rulebook) -> tuple[Policy, ...]:
    """List the policies that may govern an agent's requests, whatever it asks for."""
    rules = (each for each in book.rules if not each.question and each.names_agent(agent))
    return tuple(each.policy for each in rules if each.policy is not None)


def rule_for(ask: Ask, action: Action, value: Json, book: Rulebook, asked: Circumstances, *, direct: bool) -> Ruled:
    """Find the ruling on an action with this value; `direct`: it was asked for in a direct message.

    A rule does not make a choice that the graph does not offer, and approves nothing that may have been done already:
    then people decide.
    """
    default = _default(ask, direct=direct)
    whys: list[str] = []
    for rule in book.rules:
        found = rule.matches(ask, action, value, asked)
        if found.verdict is Verdict.FAILS:
            continue
        if found.verdict is Verdict.UNKNOWN:
            whys.append(found.why)
        if rule.policy is not None:
            return Ruled(rule.policy, rule, why="; ".join(dict.fromkeys(whys)))
        if not whys:
            policy = replace(default, rule=rule.name)
            return Ruled(policy, rule, rule.decide if _may_decide_by_itself(rule, ask, action) else None)
    return Ruled(default, why="; ".join(dict.fromkeys(whys)))


def _may_decide_by_itself(rule: Rule, ask: Ask, action: Action) -> bool:
    return rule.decide in action.choices and not (ask.perhaps_done and rule.decide is Choice.APPROVE)


def _default(ask: Ask, *, direct: bool) -> Policy:
    if ask.kind is Kind.NOTICE and not direct:
        return one_part("default: anybody in the channel takes note", CHANNEL, own_requests=True)
    if ask.is_the_requesters:
        return one_part("default: the requester answers", REQUESTER)
    if direct:
        return one_part("default: the person in the direct message decides", REQUESTER)
    return one_part("default: any other member of the channel decides", CHANNEL)


def _deadlines(ruled: Ruled, ask: Ask, book: Rulebook) -> Deadlines:
    if ask.kind in (Kind.FAILURE, Kind.NOTICE):
        return Deadlines()
    if ruled.rule is None:
        return book.defaults
    own, others = ruled.rule.deadlines, book.defaults
    expires_after = own.expires_after or others.expires_after
    reminders = own.reminders or tuple(each for each in others.reminders if not expires_after or each < expires_after)
    return replace(own, reminders=reminders, expires_after=expires_after)


def _soonest(deadlines: Sequence[Deadlines]) -> Deadlines:
    expiring = [each for each in deadlines if each.expires_after is not None]
    endings = {each.on_expiry for each in expiring}
    ending = next((each for each in (OnExpiry.FAIL, OnExpiry.REJECT, OnExpiry.ESCALATE) if each in endings), None)
    hours = {each.hours for each in deadlines}
    return Deadlines(
        reminders=min((each.reminders for each in deadlines if each.reminders), default=()),
        expires_after=_least(each.expires_after for each in deadlines),
        on_expiry=ending or OnExpiry.REJECT,
        hours=hours.pop() if len(hours) == 1 else None,
        always=any(each.always for each in deadlines),
    )


def _least(times: Iterable[timedelta | None]) -> timedelta | None:
    return min((time for time in times if time is not None), default=None)


def _calling(ruled: Sequence[Ruled], ask: Ask, place: Place, home: Place) -> Calling:
    """Combine how the rules call people: the loudest way wins."""
    if ask.is_question and all(each.policy.is_requesters for each in ruled):
        return Calling()
    notify = max((_notify(each) for each in ruled), key=_LOUDNESS.index)
    members_decide = any(CHANNEL in each.policy.sources for each in ruled)
    wanted = all(each.rule is None or each.rule.broadcast for each in ruled)
    in_thread = place == home and place.thread_ts is not None
    return Calling(notify, broadcast=members_decide and wanted and in_thread and ask.kind is not Kind.NOTICE)


def _notify(ruled: Ruled) -> Notify:
    if ruled.rule is not None and ruled.rule.notify is not None:
        return ruled.rule.notify
    named = {each.origin for each in ruled.policy.sources} - {Origin.CHANNEL, Origin.REQUESTER}
    return Notify.MENTION if named else Notify.NONE


_LOUDNESS = (Notify.NONE, Notify.MENTION, Notify.DIRECT)
