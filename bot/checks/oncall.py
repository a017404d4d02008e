"""Checks `oncall:` and `people:`: sources that fail, empty schedules, unknown people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.config.names import oncall_names
from bot.config.problems import ConfigProblem, suggestion
from bot.config.settings import Config
from engine.ports import ListedPerson

_STARTS_ALL_THE_SAME = "The bot still starts; until this is fixed, nobody is on call by it."


@dataclass(frozen=True, slots=True)
class OnCallNow:
    """A source's answer for now: the people it names, those whom Slack does not know as members, or why it failed."""

    said: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    failed: str = ""


def extra_problems(config: Config, install: str) -> Iterator[ConfigProblem]:
    """A problem for each calendar that cannot be read, if a command has to `install` the packages first."""
    for name, entry in config.oncall.items():
        if entry.ical is not None and install:
            what = "calendars need packages that are not installed"
            yield ConfigProblem(config.where("oncall", name, "ical"), what, f"Run: {install}")


def source_problems(config: Config, found: Mapping[str, OnCallNow]) -> Iterator[ConfigProblem]:
    """A problem for each source that failed."""
    for name, now in found.items():
        if now.failed:
            yield ConfigProblem(
                config.where("oncall", name, config.oncall[name].kind), now.failed, _STARTS_ALL_THE_SAME
            )


def source_warnings(config: Config, found: Mapping[str, OnCallNow]) -> Iterator[str]:
    """A warning for each source that names nobody, or names a stranger."""
    for name, now in found.items():
        where = config.where("oncall", name, config.oncall[name].kind)
        if not now.said and not now.failed:
            yield f"{where}: nobody is on call now."
        for stranger in now.strangers:
            yield f'{where}: "{stranger}" is on call now, and is no full member of this workspace: see people:.'


def people_problems(config: Config, people: Mapping[str, ListedPerson]) -> Iterator[ConfigProblem]:
    """A problem for each member whom `people:` or a rotation names and Slack does not know, or who may never decide.

    In a rotation such a name is a gap: nobody is on call in its turns.
    """
    for name, where in oncall_names(config).items():
        gap = ", so nobody is on call in these turns" if ".rotation." in where else ""
        if name not in people:
            fix = suggestion(name, people, "Write a member's name or Slack id, or add the name to people:.")
            yield ConfigProblem(where, f'nobody in this workspace is called "{name}"{gap}', fix)
        elif unable := people[name].unable:
            yield ConfigProblem(where, f"{name} is {unable}{gap}", "Name a full member of this workspace.")
