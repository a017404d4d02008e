"""Checks between the entries of `app.yaml`: entries that are valid by themselves and do not fit together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TypeAlias

from bot.config.approvals import ApprovalEntry
from bot.config.entries import Agent, File, Mode
from bot.config.file import Document, KeyPath
from bot.config.problems import ConfigProblem, suggestion
from bot.config.unreachable_rules import governs, unreached
from engine.approvals.approval import Notify
from engine.ids import AgentName

Agents: TypeAlias = Mapping[AgentName, Agent | None]
Approvals: TypeAlias = tuple[ApprovalEntry | None, ...]


def inconsistencies(
    document: Document, file: File | None, agents: Agents, approvals: Approvals, mode: Mode
) -> Iterable[ConfigProblem]:
    """Find entries that do not fit together. `file` is None where its own keys are wrong already."""
    retention = file.retention if file else None
    data = document.data if isinstance(document.data, dict) else {}
    sources = data.get("oncall")
    yield from _between_agents(document, agents)
    yield from _between_rules(document, agents, approvals, sources if isinstance(sources, dict) else (), retention)
    if file is not None:
        spans = (("remind_after", file.defaults.remind_after[-1:]), ("expires_after", (file.defaults.expires_after,)))
        yield from _beyond_retention(document, ("defaults",), spans, retention)
    yield from _of_retention(document, file)
    yield from _of_ports(document, file, mode)


def _of_retention(document: Document, file: File | None) -> Iterable[ConfigProblem]:
    if file is not None and file.audit_retention is not None and file.audit_retention < file.retention:
        what = "the audit would be forgotten before what it tells of, by retention"
        yield ConfigProblem(document.where(("audit_retention",)), what, "Make it at least as long as retention.")


def _of_ports(document: Document, file: File | None, mode: Mode) -> Iterable[ConfigProblem]:
    if file is None or file.health is None or mode is not Mode.HTTP:
        return
    hosts = {file.http.host, file.health.host}
    if file.http.port == file.health.port != 0 and (len(hosts) == 1 or hosts & {"0.0.0.0", "::"}):  # noqa: S104 - compared
        what = "http listens on this port, with Slack's route"
        yield ConfigProblem(document.where(("health", "port")), what, "Name another port, or remove health.")


def _between_agents(document: Document, agents: Agents) -> Iterable[ConfigProblem]:
    if not agents and isinstance(document.data, dict) and isinstance(document.data.get("agents"), dict):
        yield ConfigProblem(
            document.where(("agents",)), "there is no agent", "Add one: a name, and below it graph: file.py:name."
        )
    direct = [name for name, agent in agents.items() if agent and agent.direct_messages]
    for name in direct[1:]:
        what = f'direct messages reach "{direct[0]}" already, and only one agent can answer them'
        where = document.where(("agents", name, "direct_messages"))
        yield ConfigProblem(where, what, "Keep direct_messages: true at one agent.")
    first: dict[str, AgentName] = {}
    for name in agents:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            what = f'"{name}" and "{other}" look the same as the first word of a message'
            yield ConfigProblem(document.where(("agents", name)), what, "Rename one of them.")


def _between_rules(
    document: Document,
    agents: Agents,
    approvals: Approvals,
    oncall: Collection[str],
    retention: timedelta | None,
) -> Iterable[ConfigProblem]:
    for index, approval in enumerate(approvals):
        if approval is None:
            continue
        pattern = approval.when.agent
        if pattern is not None and agents and not any(fnmatchcase(name, pattern) for name in agents):
            where = document.where(("approvals", index, "when", "agent"))
            yield ConfigProblem(where, f'"{pattern}" matches no agent', suggestion(pattern, agents))
        yield from _out_of_sight(document, agents, approvals, index)
        if earlier := unreached(approvals, index, agents):
            names, s = " and ".join(f"approvals[{number}]" for number in earlier), "s" * (len(earlier) == 1)
            what = f"this rule can never apply: {names} come{s} first and match{'e' * len(s)}{s} all that it matches"
            yield ConfigProblem(document.where(("approvals", index)), what, "Move it up, or remove it.")
        spans = (
            ("remind_after", approval.remind_after[-1:]),
            ("expires_after", (approval.expires_after,)),
            ("escalate", [each.after for each in approval.escalate[-1:]]),
        )
        yield from _beyond_retention(document, ("approvals", index), spans, retention)
        yield from _unknown_sources(document, oncall, index, approval)


def _beyond_retention(
    document: Document,
    path: KeyPath,
    spans: Iterable[tuple[str, Sequence[timedelta | None]]],
    retention: timedelta | None,
) -> Iterable[ConfigProblem]:
    for key, lengths in spans:
        if any(retention is not None and length is not None and length > retention for length in lengths):
            what = "the approval would be forgotten before that, by retention"
            yield ConfigProblem(document.where((*path, key)), what, "Make it shorter, or retention longer.")


def _unknown_sources(
    document: Document, oncall: Collection[str], index: int, approval: ApprovalEntry
) -> Iterable[ConfigProblem]:
    for path, people in approval.people:
        for position, name in enumerate(people.oncall):
            if name not in oncall:
                where = document.where(("approvals", index, *path, "oncall", position))
                fix = suggestion(name, oncall, f"Add it: oncall: {{{name}: ...}}. See docs/oncall.md.")
                yield ConfigProblem(where, f'there is no "{name}" in oncall:', fix)


def _out_of_sight(document: Document, agents: Agents, approvals: Approvals, index: int) -> Iterable[ConfigProblem]:
    """Find rules whose cards only the requester would see: requests in direct messages that no rule posts elsewhere.

    With `own_requests` and a quorum of one, the requester sees their own card and decides: such a rule is valid.
    """
    approval = approvals[index]
    if approval is None or not approval.of_stages or approval.post_to is not None:
        return
    if approval.notify is Notify.DIRECT or approval.is_seen_by_requester_alone:
        return
    for name, agent in agents.items():
        if agent is not None and agent.direct_messages and governs(approvals, index, name):
            what = (
                f"{name} takes direct messages, where only the requester sees a request, so nobody here could decide it"
            )
            channel = next((each for other in agents.values() if other for each in other.channels), "#approvals")
            seen = f'Add notify: dm, or post_to: "{channel}" or another channel that the approvers are in'
            add = f"{seen}, or remove direct_messages."
            yield ConfigProblem(document.where(("approvals", index)), what, add)
