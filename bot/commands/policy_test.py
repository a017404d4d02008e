"""`signoff policy test FILE`: checks the rules of `app.yaml` against a table of requests with expected outcomes.

A case is routed like a real request (`bot.rules.what_if`), without Slack and without the graphs. People, groups and
channels keep their names in `app.yaml`.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from bot.commands.oncall import read_config
from bot.config.approvals import ApproversEntry, PeopleEntry, RuleKind
from bot.config.file import Document, environment, read
from bot.config.problems import ConfigError, ConfigProblem, suggestion
from bot.config.settings import Config
from bot.config.validation import checked
from bot.config.values import Given, Outcome, Quorum, Strict, duration, wrong
from bot.masking import masked
from bot.rules.channel_names import bare
from bot.rules.rulebook import compiled
from bot.rules.what_if import Request, Requester, book_of, home_of, judged, routed, source_in_words
from engine.approvals.approval import Notify
from engine.ids import AgentName, UserId
from engine.rules.routing import Route, Rulebook

_NEVER = "never"
_DEFAULT = "default"


class Decides(StrEnum):
    """The possible deciders of a case."""

    PEOPLE = "people"
    APPROVE = "approve"
    REJECT = "reject"


def _instant(value: object) -> object:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise wrong("{shown} is not an instant", "Write it with its offset: 2026-11-30T09:00+01:00.")
    return found.astimezone(UTC)


def _length(value: object) -> object:
    return value if value == _NEVER else _spelled_span(duration(value))


def _spelled_span(span: timedelta) -> str:
    units = (
        ("d", timedelta(days=1)),
        ("h", timedelta(hours=1)),
        ("m", timedelta(minutes=1)),
        ("s", timedelta(seconds=1)),
    )
    return next(f"{span // unit}{name}" for name, unit in units if not span % unit)


def _bare(value: object) -> object:
    return bare(value) if isinstance(value, str) else value


class Expected(Strict):
    """The expected outcome of a case; what it leaves out may be anything.

    `quorum` is how many people have to approve in all. `expires_after: never` means that nothing expires.
    """

    rule: Given[str] = None
    decide: Given[Decides] = None
    approvers: Given[ApproversEntry] = None
    stages: Given[Annotated[tuple[ApproversEntry, ...], Field(min_length=1)]] = None
    quorum: Given[Quorum] = None
    own_requests: Given[bool] = None
    notify: Given[Notify] = None
    posted_in: Given[Annotated[str, BeforeValidator(_bare)]] = None
    expires_after: Given[Annotated[str, BeforeValidator(_length)]] = None
    on_expiry: Given[Outcome] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise wrong("nothing is expected", "Add rule, decide or approvers, for example.")
        if self.approvers is not None and self.stages is not None:
            raise wrong("the approvers are in stages already", "Keep approvers or stages.", "approvers")
        return self


class Case(Strict):
    """One request. Without `tool` it is a step of the graph's own; other missing keys are unknown."""

    name: Given[str] = None
    agent: str
    tool: Given[str] = None
    kind: Given[RuleKind] = None
    args: dict[str, JsonValue] = Field(default={})
    requester: str = ""
    groups: Given[tuple[str, ...]] = None
    guest: Given[bool] = None
    channel: Given[str] = None
    at: Given[Annotated[datetime, BeforeValidator(_instant)]] = None
    expect: Expected


class Table(Strict):
    """The file."""

    cases: Annotated[list[Any], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that failed: its place in the file, and each difference."""

    where: str
    differences: tuple[str, ...]


def run(config_file: Path, file: Path) -> int:
    """Print each case that fails; returns the exit code. Raises ProblemsError for problems of a file."""
    from bot.wiring.probes import probes

    config = read_config(config_file, offline=True)
    cases, document = load(file, config)
    book = book_of(config, compiled(config, probes().conditions))
    failures = [*failing(config, book, cases, document)]
    for each in failures:
        sys.stdout.writelines(f"{masked(f'{each.where}: {difference}')}\n" for difference in each.differences)
    count = len(cases) - len(failures)
    sys.stdout.write(f"{count} of {len(cases)} cases pass.\n")
    return 1 if failures else 0


def load(file: Path, config: Config) -> tuple[Sequence[Case], Document]:
    """The cases of a file. Raises ConfigError with every problem."""
    known = environment(file.absolute().parent, os.environ)
    document, problems = read(file, known, "Write one, or name another: signoff policy test FILE.")
    if not problems and document.data in (None, {}, {"cases": None}, {"cases": []}):
        raise ConfigError(
            [ConfigProblem(str(file), "has no cases", "Add cases: with an entry for each: docs/policy-tests.md.")]
        )
    table, wrong_table = checked(Table, document, document.data, ())
    problems += wrong_table
    cases: list[Case] = []
    for index, value in enumerate(table.cases if table else ()):
        case, wrong_case = checked(Case, document, value, ("cases", index))
        problems += wrong_case
        if case is not None:
            cases.append(case)
            problems += _unknown(config, case, document, index)
    if problems:
        raise ConfigError(problems)
    return cases, document


def _unknown(config: Config, case: Case, document: Document, index: int) -> Iterator[ConfigProblem]:
    if case.agent not in config.agents:
        where = document.where(("cases", index, "agent"))
        yield ConfigProblem(
            where, f'there is no agent "{case.agent}" in app.yaml', suggestion(case.agent, config.agents)
        )
    if case.tool is not None and case.kind is not None:
        yield ConfigProblem(
            document.where(("cases", index, "kind")), "a question is no tool call", "Remove tool or kind."
        )
    rules = [_DEFAULT, *(f"approvals[{number}]" for number in range(len(config.approvals)))]
    if case.expect.rule is not None and case.expect.rule not in rules:
        where = document.where(("cases", index, "expect", "rule"))
        yield ConfigProblem(where, f'there is no rule "{case.expect.rule}"', suggestion(case.expect.rule, rules))


def failing(config: Config, book: Rulebook, cases: Sequence[Case], document: Document) -> Iterator[Failure]:
    """The cases whose outcome differs from what is expected."""
    for index, case in enumerate(cases):
        request = _request(config, case)
        found = [*_differences(case.expect, request, book)]
        if found:
            name = f"{case.name}: " if case.name else ""
            yield Failure(document.where(("cases", index)), tuple(f"{name}{each}" for each in found))


def _request(config: Config, case: Case) -> Request:
    agent = AgentName(case.agent)
    groups = None if case.groups is None else frozenset(each.removeprefix("@") for each in case.groups)
    by = Requester(UserId(case.requester.removeprefix("@")), groups, case.guest)
    channel = case.channel or home_of(config, agent)
    at = case.at or datetime.now(UTC)
    return Request(agent, at, channel, by, case.tool, dict(case.args), question=case.kind is RuleKind.QUESTION)


def _differences(wanted: Expected, request: Request, book: Rulebook) -> Iterator[str]:
    """The differences from what was expected, a sentence each."""
    route = routed(request, book)
    came = _came(route)
    for key in type(wanted).model_fields:
        if getattr(wanted, key) is None or key in ("approvers", "stages"):
            continue
        value = str(getattr(wanted, key)).lower() if key == "own_requests" else str(getattr(wanted, key))
        if value != came[key]:
            yield f"{key}: expected {value}, got {came[key]}{_reason(key, value, request, book)}"
    if wanted.approvers is not None or wanted.stages is not None:
        yield from _other_people(wanted, route)


def _came(route: Route) -> dict[str, str]:
    (ruled,) = route.ruled
    deadlines, decided = route.deadlines, ruled.decide is not None
    expires = None if decided else deadlines.expires_after
    return {
        "rule": _DEFAULT if ruled.rule is None else ruled.rule.name,
        "decide": "people" if ruled.decide is None else ruled.decide.value,
        "quorum": "0" if decided else str(ruled.policy.quorum),
        "own_requests": str(ruled.policy.own_requests).lower(),
        "notify": route.calling.notify.value,
        "posted_in": bare(route.place.channel),
        "expires_after": _NEVER if expires is None else _spelled_span(expires),
        "on_expiry": _NEVER if expires is None else deadlines.on_expiry.value,
    }


def _reason(key: str, value: str, request: Request, book: Rulebook) -> str:
    """The reason why the expected rule does not govern."""
    if key != "rule":
        return ""
    why = next((why for rule, _, why in judged(request, book) if rule.name == value), "")
    return f" ({value}: {why})" if why else ""


def _other_people(wanted: Expected, route: Route) -> Iterator[str]:
    (ruled,) = route.ruled
    entries = [wanted.approvers] if wanted.approvers is not None else [*(wanted.stages or ())]
    expected = [[(_named(part), part.quorum) for _, part in entry.parts] for entry in entries]
    stages = ruled.policy.stages if ruled.decide is None else ()
    came = [[(frozenset(map(source_in_words, part.sources)), part.quorum) for part in stage] for stage in stages]
    if len(expected) == len(came) and all(map(_is_alike, expected, came)):
        return
    yield f"approvers: expected {_spelled(expected)}, got {_spelled(came) or 'nobody'}"


_Parts = Sequence[tuple[frozenset[str], int | None]]


def _is_alike(expected: _Parts, came: _Parts) -> bool:
    """True if a stage has these parts, in any order. A part that names no quorum may have any."""
    left = [*came]
    for people, quorum in expected:
        same = next((each for each in left if each[0] == people and quorum in (None, each[1])), None)
        if same is None:
            return False
        left.remove(same)
    return not left


def _named(people: PeopleEntry) -> frozenset[str]:
    """The people of an entry, as `source_in_words` has them."""
    groups, oncall = (f"@{each}" for each in people.groups), (f"on call {each}" for each in people.oncall)
    return frozenset([*people.users, *groups, *oncall, *(["members of the channel"] if people.channel else [])])


def _spelled(stages: Sequence[_Parts]) -> str:
    return ", then ".join(" and ".join(map(_part, stage)) for stage in stages)


def _part(part: tuple[frozenset[str], int | None]) -> str:
    people, quorum = part
    return f"{f'{quorum} of ' if quorum is not None else ''}{', '.join(sorted(people))}"
