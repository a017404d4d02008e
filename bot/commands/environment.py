"""Prepares a process for a configuration: logs, masked secrets, and the environment and folders of the graphs."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config.files import Files
    from bot.config.project import Project
    from bot.config.settings import Config
    from bot.config.stored import StorageSettings


def prepared(config: "Config", worker: int | None = None, files: "Files | None" = None) -> "Config":
    """Set up logs and the environment before more is imported: LangSmith and models read it.

    `.env` is read from the disk, or is among the `files`.

    Raises ProblemsError: see `refuse_clashes`.
    """
    from bot.telemetry import set_up_logs

    set_up_logs(worker=worker)
    remembered(config, files)
    enter(config.project)
    refuse_clashes(config)
    return config


def refuse_clashes(config: "Config") -> None:
    """Raise ProblemsError where graphs import packages that are called like ours: see `bot.checks.modules`."""
    from bot.checks.modules import clashes
    from bot.config.problems import ProblemsError

    if clashing := [*clashes(config)]:
        raise ProblemsError(clashing)


def remembered(config: "Config | StorageSettings", files: "Files | None" = None) -> None:
    """Mask the secrets of the configuration and of `.env` from now on."""
    from bot.masking import remember

    remember(config.secret_values)
    export(config.base, files)


def export(folder: Path, files: "Files | None" = None) -> None:
    """Put `.env` into the environment, where graphs look for their own keys when they are imported."""
    from bot.config.file import environment

    for name, value in environment(folder, {}, files).items():
        os.environ.setdefault(name, value)


def enter(project: "Project | None") -> None:
    """Set the `env` of a project over the environment, and let its graphs import from its folders, for good.

    Last in the path, as `langgraph dev` has it: what is installed is found first. Nodes import while they run.
    """
    if project is None:
        return
    os.environ.update(project.env)
    sys.path += [folder for folder in map(str, project.folders) if folder not in sys.path]
