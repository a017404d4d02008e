"""Prepares a process for a configuration: logs, secrets that are masked from now on, and `.env` for the graphs."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config.settings import Config


def prepared(config: "Config") -> "Config":
    """Set up logs and put `.env` into the environment before more is imported: LangSmith and models read it."""
    from bot.telemetry import set_up_logs

    set_up_logs()
    return remembered(config)


def remembered(config: "Config") -> "Config":
    """Mask the secrets of the configuration and of `.env` from now on."""
    from bot.masking import remember

    remember(config.secret_values)
    export(config.base)
    return config


def export(folder: Path) -> None:
    """Put `.env` into the environment, where graphs look for their own keys when they are imported."""
    from bot.config.file import environment

    for name, value in environment(folder, {}).items():
        os.environ.setdefault(name, value)
