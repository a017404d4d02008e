"""`signoff explain`: the rule that would govern a tool call and why, who decides it, by when, and who is told.

The answer is one JSON object; the text is made from it.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.commands.oncall import instant, read_config
from bot.config.problems import ConfigProblem, ProblemsError, suggestion
from bot.config.settings import Config
from bot.masking import masked
from bot.rules.rulebook import compiled
from bot.rules.what_if import Request, Requester, book_of, home_of, judged, routed, source_in_words
from bot.telemetry import set_up_logs
from engine.asks.ask import Json
from engine.authority.hours import after
from engine.authority.policy import Deadlines, OnExpiry, Policy, escalated
from engine.ids import AgentName, UserId
from engine.oncall.shifts import said_of
from engine.ports import ShiftSource, SourceFailedError
from engine.rules.conditions import Name, Verdict
from engine.rules.routing import Route, Rulebook
from engine.rules.tool_names import match
from engine.sources import Origin

_MATCHES = {Verdict.HOLDS: "yes", Verdict.FAILS: "no", Verdict.UNKNOWN: "unknown"}
_ENDS = {
    OnExpiry.REJECT: "it is rejected automatically",
    OnExpiry.FAIL: "the run stops",
    OnExpiry.ESCALATE: "the next step is taken; without one it is rejected",
}
_NOT_GATED = "no pattern of gate_tools matches {tool}: people are asked only if the graph itself asks about this call."
_OF_REQUESTER = {Name.REQUESTER, Name.REQUESTER_GROUPS, Name.REQUESTER_IS_GUEST}


@dataclass(frozen=True, slots=True)
class ExplainedCall:
    """A tool call as the command line describes it; "" is what it leaves out."""

    agent: str
    tool: str
    args: str
    requester: str = ""
    channel: str = ""
    at: str = ""


async def run(file: Path, asked: ExplainedCall, *, offline: bool, as_json: bool) -> int:
    """Print the answer; returns the exit code. Raises ProblemsError."""
    from bot.wiring.probes import probes

    set_up_logs()
    config = read_config(file, offline=True)
    request = _request(config, asked)
    book = book_of(config, compiled(config, probes().conditions))
    if asked.requester and book.names & _OF_REQUESTER and not offline:
        from bot.wiring.requester import asked_requester

        by = await asked_requester(read_config(file, offline=False), asked.requester)
        request = replace(request, by=by)
    found = explained(config, request, book)
    if not offline:
        from bot.wiring.oncall import shift_sources

        async with shift_sources(config) as sources:
            found["on_call"] = {name: await _on_call(sources[name], request.at) for name in found["on_call"]}
    if as_json:
        sys.stdout.write(masked(json.dumps(found, ensure_ascii=False, indent=2)) + "\n")
    else:
        sys.stdout.writelines(f"{masked(line)}\n" for line in lines(found))
    if not found["gated"]:
        sys.stderr.write(masked(f"note: {_NOT_GATED.format(tool=request.tool)}\n"))
    return 0


def _request(config: Config, asked: ExplainedCall) -> Request:
    agent = AgentName(asked.agent)
    if agent not in config.agents:
        what = f'there is no agent "{asked.agent}" in app.yaml'
        raise ProblemsError([ConfigProblem("--agent", what, suggestion(asked.agent, config.agents))])
    at = instant(asked.at) if asked.at else datetime.now(UTC)
    by, channel = Requester(UserId(asked.requester)), asked.channel or home_of(config, agent)
    return Request(agent, at, channel, by, asked.tool, _args(asked.args))


def _args(text: str) -> Json:
    fix = """Write an object: --args '{"amount": 5000}'."""
    try:
        found: Json = json.loads(text)
    except ValueError as error:
        raise ProblemsError([ConfigProblem("--args", f"this is not JSON ({error})", fix)]) from None
    if not isinstance(found, dict):
        raise ProblemsError([ConfigProblem("--args", "the arguments of a tool have names", fix)])
    return found


async def _on_call(source: ShiftSource, at: datetime) -> Mapping[str, Json]:
    try:
        found = await source.shifts(at, datetime.now(UTC))
    except SourceFailedError as failed:
        return {"who": [], "error": str(failed)}
    if not found.covers(at):
        return {"who": [], "error": "The source only tells who is on call now."}
    return {"who": [*said_of(found.on_call(at))], "error": None}


# What is found --------------------------------------------------------------------------------------------------------


def explained(config: Config, request: Request, book: Rulebook) -> dict[str, Any]:
    """The answer; its `on_call` has the names of schedules, and nobody on call yet."""
    route = routed(request, book)
    (ruled,) = route.ruled
    policy, people = ruled.policy, ruled.decide is None
    everybody = (*policy.sources, *escalated(policy, len(policy.ladder)).sources) if people else ()
    return {
        "gated": _is_gated(config, request),
        "asked": f"{request.tool}, called by {request.agent} in {request.channel}",
        "at": request.at.isoformat(),
        "zone": _zone(route.deadlines),
        "rules": [
            {"rule": rule.name, "matches": _MATCHES[verdict], "why": why} for rule, verdict, why in _upto(request, book)
        ],
        "rule": None if ruled.rule is None else ruled.rule.name,
        "policy": policy.rule,
        "where": None if ruled.rule is None else _where(config, book, ruled.rule.name),
        "decides": "people" if ruled.decide is None else ruled.decide.value,
        "why": ruled.why or None,
        "stages": _stages(policy) if people else [],
        "own_requests": policy.own_requests or policy.is_requesters,
        "reject_quorum": policy.reject_quorum,
        "notify": route.calling.notify.value,
        "posted_in": route.place.channel,
        "broadcast": route.calling.broadcast,
        **(_times(request.at, route, policy) if people else {}),
        "on_call": {each.name: None for each in everybody if each.origin is Origin.ON_CALL},
    }


def _is_gated(config: Config, request: Request) -> bool:
    patterns = config.gates(request.agent)
    return request.tool is not None and any(match(each, request.tool) is not Verdict.FAILS for each in patterns)


def _upto(request: Request, book: Rulebook) -> Iterator[Any]:
    """The rules up to the one that governs: those behind it are not looked at."""
    (ruled,) = routed(request, book).ruled
    for each in judged(request, book):
        yield each
        if each[0] is ruled.rule:
            return


def _where(config: Config, book: Rulebook, name: str) -> str:
    return config.where("approvals", [each.name for each in book.rules].index(name)).rpartition(": ")[0]


def _stages(policy: Policy) -> list[list[Mapping[str, Json]]]:
    return [
        [{"quorum": part.quorum, "of": [source_in_words(each) for each in part.sources]} for part in stage]
        for stage in policy.stages
    ]


def _times(at: datetime, route: Route, policy: Policy) -> dict[str, Json]:
    deadlines = route.deadlines
    ends = deadlines.expires_after
    return {
        "reminders": [_at(at, each, deadlines) for each in deadlines.reminders],
        "escalation": [
            {"at": _at(at, rung.after, deadlines), "to": [source_in_words(each) for each in rung.sources]}
            for rung in policy.ladder
        ],
        "expires": None if ends is None else _expiry(at, ends, deadlines),
        "then": None if ends is None else _ENDS[deadlines.on_expiry],
    }


def _at(at: datetime, span: timedelta, deadlines: Deadlines) -> str:
    return after(at, span, deadlines.hours).isoformat()


def _expiry(at: datetime, span: timedelta, deadlines: Deadlines) -> str:
    return after(at, span, None if deadlines.always else deadlines.hours).isoformat()


def _zone(deadlines: Deadlines) -> str:
    return "UTC" if deadlines.hours is None else deadlines.hours.zone


# In words -------------------------------------------------------------------------------------------------------------


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The answer as text."""
    yield f"{found['asked']}, at {_clock(found['at'], found)}"
    yield from (f"  {each['rule']}: {each['why']}" for each in found["rules"])
    governs = f"{found['rule']} governs ({found['where']})" if found["rule"] else "No rule governs"
    yield f"{governs}: {_decision(found)}"
    if found["decides"] != "people":
        return
    yield from _people(found)
    yield from (f"  on call {name}: {_who(each)}" for name, each in found["on_call"].items())
    yield f"Asked in {found['posted_in']}{', shown in the channel' if found['broadcast'] else ''}; {_called(found)}."
    yield from (f"{_clock(each, found)}  reminder" for each in found["reminders"])
    yield from (f"{_clock(each['at'], found)}  also {', '.join(each['to'])}" for each in found["escalation"])
    yield f"{_clock(found['expires'], found)}  {found['then']}" if found["expires"] else "It never expires."


def _decision(found: Mapping[str, Any]) -> str:
    match found["decides"]:
        case "people" if found["why"]:
            return "people decide, since nobody can tell whether a rule matches."
        case "people":
            return "people decide." if found["rule"] else f"{found['policy'].removeprefix('default: ')}."
        case "approve":
            return "it is approved automatically."
        case _:
            return "it is rejected automatically."


def _people(found: Mapping[str, Any]) -> Iterator[str]:
    stages: Sequence[Sequence[Mapping[str, Any]]] = found["stages"]
    for number, stage in enumerate(stages, 1):
        yield (f"Stage {number}: " if len(stages) > 1 else "") + _approvals(stage)
    if sum(len(stage) for stage in stages) > 1:
        yield "A person counts once."
    if not found["own_requests"]:
        yield "The requester cannot approve."
    if found["reject_quorum"] > 1:
        yield f"Rejections needed: {found['reject_quorum']}."


def _approvals(stage: Sequence[Mapping[str, Any]]) -> str:
    count = sum(part["quorum"] for part in stage)
    parts = [(part["quorum"], _or(part["of"])) for part in stage]
    shares = (
        f", from {parts[0][1]}" if len(parts) == 1 else f": {' and '.join(f'{own} from {of}' for own, of in parts)}"
    )
    return f"{count} approval{'s' * (count != 1)}{shares}"


def _or(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _who(each: Mapping[str, Any] | None) -> str:
    if each is None:
        return "not asked (--offline)"
    return each["error"] or ", ".join(each["who"]) or "nobody"


def _called(found: Mapping[str, Any]) -> str:
    return {
        "dm": "each who may decide gets it as a direct message",
        "mention": "those who may decide are mentioned",
        "none": "nobody is called",
    }[found["notify"]]


def _clock(at: str, found: Mapping[str, Any]) -> str:
    return f"{datetime.fromisoformat(at).astimezone(ZoneInfo(found['zone'])):%a %Y-%m-%d %H:%M %Z}"
