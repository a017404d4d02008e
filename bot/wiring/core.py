"""The core of a bot, made from ports alone: approvals, desk and outbox between Slack, the stores and the graphs."""

from dataclasses import dataclass

from bot.approvals.decisions import Decisions
from bot.approvals.reconciler import Reconciler
from bot.approvals.register import Register
from bot.inbound.agents import Agents
from bot.inbound.desk import Desk
from bot.outbound.calling import Caller
from bot.outbound.drawing import Drawing
from bot.outbound.graph_runs import NO_OPTIONS, GraphRuns, RunOptions
from bot.outbound.heard import Messages
from bot.outbound.outbox import Outbox
from bot.outbound.posting import Posting
from bot.outbound.speech import Speech
from bot.outbound.timers import ApprovalTimers
from bot.rules.facts import Authority
from bot.rules.granting import Granting
from bot.rules.in_force import Rules
from bot.telemetry import Metrics
from bot.wiring.ports import Ports


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of it that others call."""

    desk: Desk
    decisions: Decisions
    outbox: Outbox
    posting: Posting
    authority: Authority
    rules: Rules


@dataclass(frozen=True, slots=True)
class _Approvals:
    """The parts that write and decide requests."""

    register: Register
    reconciler: Reconciler
    decisions: Decisions
    granting: Granting
    authority: Authority


def core(ports: Ports, rules: Rules, agents: Agents, metrics: Metrics, options: RunOptions = NO_OPTIONS) -> Core:
    """Put the core together."""
    requests = _approvals(ports, rules, metrics)
    posting = Posting(backlog=ports.backlog, lanes=ports.lanes, clock=ports.clock, metrics=metrics)
    desk = Desk(
        register=requests.register,
        decisions=requests.decisions,
        approvals=ports.approvals,
        lanes=ports.lanes,
        graphs=ports.graphs,
        roster=ports.roster,
        authority=requests.authority,
        agents=agents,
        granting=requests.granting,
        clock=ports.clock,
        metrics=metrics,
    )
    outbox = _outbox(ports, requests, posting, metrics, options)
    return Core(desk, requests.decisions, outbox, posting, requests.authority, rules)


def _approvals(ports: Ports, rules: Rules, metrics: Metrics) -> _Approvals:
    authority = Authority(roster=ports.roster, groups=ports.groups, on_call=ports.on_call, clock=ports.clock)
    granting = Granting(grants=ports.grants, authority=authority, clock=ports.clock)
    register = Register(
        approvals=ports.approvals,
        conversations=ports.conversations,
        lanes=ports.lanes,
        clock=ports.clock,
        metrics=metrics,
    )
    reconciler = Reconciler(
        register=register,
        approvals=ports.approvals,
        rules=rules,
        granting=granting,
        clock=ports.clock,
        metrics=metrics,
    )
    decisions = Decisions(
        register=register,
        approvals=ports.approvals,
        lanes=ports.lanes,
        authority=authority,
        rules=rules,
        clock=ports.clock,
        metrics=metrics,
    )
    return _Approvals(register, reconciler, decisions, granting, authority)


def _outbox(ports: Ports, requests: _Approvals, posting: Posting, metrics: Metrics, options: RunOptions) -> Outbox:
    register, approvals, lanes, chat = requests.register, ports.approvals, ports.lanes, ports.chat
    caller, drawing = _cards(ports, requests, posting)
    runs = GraphRuns(
        register=register,
        reconciler=requests.reconciler,
        approvals=approvals,
        lanes=lanes,
        graphs=ports.graphs,
        chat=chat,
        metrics=metrics,
        options=options,
    )
    return Outbox(
        register=register,
        decisions=requests.decisions,
        granting=requests.granting,
        runs=runs,
        messages=_messages(ports, requests, runs, drawing),
        timers=_timers(ports, requests, drawing),
        drawing=drawing,
        caller=caller,
        speech=Speech(register, approvals, chat, posting, caller),
        approvals=approvals,
        lanes=lanes,
        chat=chat,
        metrics=metrics,
    )


def _cards(ports: Ports, requests: _Approvals, posting: Posting) -> tuple[Caller, Drawing]:
    caller = Caller(
        register=requests.register,
        approvals=ports.approvals,
        lanes=ports.lanes,
        authority=requests.authority,
        roster=ports.roster,
        chat=ports.chat,
        clock=ports.clock,
        posting=posting,
    )
    drawing = Drawing(
        register=requests.register,
        approvals=ports.approvals,
        lanes=ports.lanes,
        chat=ports.chat,
        clock=ports.clock,
        posting=posting,
        caller=caller,
    )
    return caller, drawing


def _messages(ports: Ports, requests: _Approvals, runs: GraphRuns, drawing: Drawing) -> Messages:
    return Messages(
        register=requests.register,
        decisions=requests.decisions,
        runs=runs,
        approvals=ports.approvals,
        lanes=ports.lanes,
        clock=ports.clock,
        drawing=drawing,
    )


def _timers(ports: Ports, requests: _Approvals, drawing: Drawing) -> ApprovalTimers:
    return ApprovalTimers(
        register=requests.register,
        approvals=ports.approvals,
        authority=requests.authority,
        lanes=ports.lanes,
        clock=ports.clock,
        drawing=drawing,
    )
