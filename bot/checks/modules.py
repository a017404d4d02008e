"""Finds modules of the user's that have the same name as one of ours."""

import sys
from collections.abc import Iterable
from pathlib import Path

from bot.config.problems import ConfigProblem
from bot.config.settings import Config

OUR_PACKAGES = ("bot", "engine", "adapters")


def clashes(folders: Iterable[Path]) -> Iterable[ConfigProblem]:
    """A problem for each module of the user's whose name is one of ours: a graph that imports it would get ours."""
    ours = Path(__file__).resolve().parents[2]
    beside = dict.fromkeys(folder.resolve() for folder in folders)
    elsewhere = dict.fromkeys(Path(place).resolve() for place in sys.path)
    for place in beside | elsewhere:
        if place == ours:
            continue
        for name in OUR_PACKAGES:
            if found := _module(place, name, loose=place in beside):
                what = f"has the same name as a module of Signoff, and a graph that imports {name} gets Signoff's"
                yield ConfigProblem(str(found), what, f"Rename yours, such as my_{name}.")


def _module(place: Path, name: str, *, loose: bool) -> Path | None:
    """A module of this name in a folder; `loose` takes a folder with code in it, too, which has no `__init__.py`."""
    file, folder = place / f"{name}.py", place / name
    if file.is_file():
        return file
    is_package = (folder / "__init__.py").is_file()
    return folder if is_package or (loose and (any(folder.glob("*.py")) or any(folder.glob("*/*.py")))) else None


def folders(file: Path, config: Config | None) -> set[Path]:
    """The folders in which graphs find modules of the user's: beside app.yaml, and beside each graph's file."""
    if config is None:
        return {file.absolute().parent}
    files = [agent.graph.rpartition(":")[0] for agent in config.agents.values() if agent.graph is not None]
    return {config.base, *((config.base / file).parent for file in files if file.endswith(".py"))}
