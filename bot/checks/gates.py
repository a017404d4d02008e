"""Checks `gate_tools`: patterns that no tool matches, and tools that start without a gate."""

from collections.abc import Collection, Iterator, Mapping

from bot.config.problems import ConfigProblem, suggestion
from bot.config.settings import Config
from engine.ids import AgentName
from engine.rules.conditions import Verdict
from engine.rules.tool_names import match

Tools = Mapping[AgentName, Collection[str]]
"""The tools that the graph of each agent shows; an agent whose graph could not be loaded is left out."""

_UNREACHED = "does not reach {name}, which runs on a LangGraph Server: its tools start there (docs/gates.md)."


def idle(config: Config, tools: Tools) -> Iterator[ConfigProblem]:
    """A pattern that matches no tool: of an agent, or of `defaults:` for all that run here.

    A misspelt one gates nothing. But a graph may create tools while it runs, so it is a problem only with `--strict`.
    """
    seen: dict[str, dict[str, Collection[str]]] = {}
    for name, found in tools.items():
        for pattern, where in config.gates(name).items():
            seen.setdefault(where, {})[pattern] = [*seen.get(where, {}).get(pattern, ()), *found]
    for where, patterns in seen.items():
        for pattern, found in patterns.items():
            if not any(_matches(pattern, each) for each in found):
                yield ConfigProblem(where, f'"{pattern}" matches no tool that the graph shows', _fix(pattern, found))


def _fix(pattern: str, found: Collection[str]) -> str:
    if not found:
        return "The graph shows no tools: those that it makes while it runs are gated all the same."
    return suggestion(pattern, sorted(set(found)))


def notes(config: Config, tools: Tools) -> Iterator[str]:
    """For each agent that has gates, the tools that start without one."""
    for name, found in tools.items():
        patterns = config.gates(name)
        free = sorted(each for each in found if not any(_matches(pattern, each) for pattern in patterns))
        if patterns and free:
            yield f"{config.where('agents', name)}: not gated: {', '.join(free)}."


def unreached(config: Config) -> Iterator[str]:
    """The agents that `gate_tools` of `defaults:` does not reach."""
    if config.defaults.gate_tools:
        where = config.where("defaults", "gate_tools")
        served = (name for name, agent in config.agents.items() if agent.server is not None)
        yield from (f"{where}: {_UNREACHED.format(name=name)}" for name in served)


def _matches(pattern: str, tool: str) -> bool:
    return match(pattern, tool) is not Verdict.FAILS
