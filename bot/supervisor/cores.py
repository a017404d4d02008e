"""The number of cores that this process may use: `--processes auto` starts a worker for each."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OF_THIS_PROCESS = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = _CGROUPS, own: Path = _OF_THIS_PROCESS) -> int:
    """The cores of the machine, less what affinity and the CPU quota of a container leave out; at least 1.

    A quota of one and a half cores counts as 2: a second worker uses what the first leaves.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(each) for each in _quotas(cgroups, own))]))


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """The quotas, in cores, of this process's cgroup and of those above it; cgroup v2, then v1."""
    for folder in _folders(cgroups, own):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        yield from _cores(quota, period)
        yield from _cores(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _folders(cgroups: Path, own: Path) -> Iterator[Path]:
    """The folders of this process's cgroups and of those above them. In a container they are mounted as the root."""
    for line in _text(own).splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / "cpu" if controllers else cgroups
        inside = root / path.lstrip("/")
        yield from (each for each in (inside, *inside.parents) if each.is_relative_to(root))
    yield cgroups
    yield cgroups / "cpu"


def _cores(quota: str, period: str) -> Iterator[float]:
    """None for no quota: `max` in v2, -1 in v1."""
    if quota.strip().isdecimal() and period.strip().isdecimal() and int(period) > 0:
        yield int(quota) / int(period)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
