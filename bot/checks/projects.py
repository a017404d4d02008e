"""Warns of what a LangGraph project has and the bot does not use: keys of its langgraph.json, and graphs in it."""

from collections.abc import Sequence
from pathlib import Path

from bot.config.project import project_notes
from bot.config.settings import Config


def project_warnings(config: Config) -> Sequence[str]:
    """Say what of the project has no effect, and which of its graphs no agent runs."""
    if config.project is None:
        return ()
    return (*project_notes(config.project), *graphs_without_agent(config))


def graphs_without_agent(config: Config) -> Sequence[str]:
    """Name the graphs of the project that no agent runs, in one sentence; an agent on a server may run any."""
    if config.project is None or any(agent.server is not None for agent in config.agents.values()):
        return ()
    run = {_place(agent.graph or "", config.base) for agent in config.agents.values()}
    folder, graphs = config.project.file.parent, config.project.graphs
    idle = [f"{name} ({each.path})" for name, each in graphs.items() if _place(each.path, folder) not in run]
    if not idle:
        return ()
    fix = "signoff init --dry-run shows why, or what to add."
    return (f"{config.project.file.name}: no agent in {config.file.name} runs {', '.join(idle)}. {fix}",)


def _place(spec: str, base: Path) -> str:
    """The same text for the specs of one graph, however they are written."""
    where, _, attribute = spec.rpartition(":")
    is_file = where.endswith(".py") or "/" in where
    return f"{(base / where).resolve() if is_file else where}:{attribute}"
