"""What a lock names is what is installed, today and in a year."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from install.scratch_project import ROOT, ScratchProject

LOCKED = {"signoff": "0.1.0", "top": "1.0", "plain": "1.0", "rich": "1.0", "helper": "1.0"}
RUN = ("top==1.0", "plain==1.0", "rich==1.0", "helper==1.0")
ENVIRONMENTS = {".venv-server": "requirements-server.lock", ".venv-bench": "requirements-bench.lock"}


@pytest.fixture
def project(tmp_path: Path) -> ScratchProject:
    """A project whose locks are complete, with releases newer than they are."""
    made = ScratchProject(tmp_path / "project")
    made.wheel("top", "1.0", ["plain>=1", "rich[more]>=1"])
    made.wheel("plain", "1.0")
    made.wheel("rich", "1.0", ['helper>=1; extra == "more"'], extra="more")
    made.wheel("helper", "1.0")
    made.wheel("tool", "1.0", ["rich[more]"])
    made.lock("requirements.lock", *RUN)
    made.lock("requirements-dev.lock", "tool==1.0")
    for lock in ENVIRONMENTS.values():
        made.lock(lock, *RUN)
    made.wheel("plain", "2.0")
    made.wheel("rich", "2.0", ['helper>=2; extra == "more"', "newcomer"], extra="more")
    made.wheel("helper", "2.0")
    return made


def test_newer_releases_of_what_a_lock_names_change_nothing(project: ScratchProject) -> None:
    """Of a plain dependency, and of one named with extras. The pip that Python 3.11.7 brings looked for the latter."""
    done = project.make("setup")
    assert done.returncode == 0, done.stderr
    assert project.installed() == LOCKED


def test_nor_with_the_newest_pip_and_in_no_environment(project: ScratchProject) -> None:
    project.with_newest_pip()
    done = project.make("tools", *(f"{folder}/.installed" for folder in ENVIRONMENTS))
    assert done.returncode == 0, done.stderr
    assert project.installed() == LOCKED | {"tool": "1.0"}
    for folder in ENVIRONMENTS:
        assert project.installed(folder) == {name: LOCKED[name] for name in ("top", "plain", "rich", "helper")}


@pytest.mark.parametrize(("lacking", "said"), [("plain", "plain"), ("helper", "helper")])
def test_set_up_fails_where_a_lock_is_incomplete_and_names_what_is_missing(
    project: ScratchProject, lacking: str, said: str
) -> None:
    """Also what only an extra needs, which `pip check` does not see."""
    project.with_newest_pip()
    project.lock("requirements.lock", *(pin for pin in RUN if not pin.startswith(lacking)))
    done = project.make("setup")
    assert done.returncode != 0
    assert said in done.stderr
    assert project.make("setup").returncode != 0, "what failed once is not taken for done"


def test_every_environment_is_checked(project: ScratchProject) -> None:
    project.with_newest_pip()
    for lock in ENVIRONMENTS.values():
        project.lock(lock, "top==1.0", "rich==1.0")
    for folder, lock in ENVIRONMENTS.items():
        done = project.make(f"{folder}/.installed")
        assert done.returncode != 0
        assert "top 1.0 requires plain, which is not installed." in done.stderr
        assert f"make: {lock} lacks what is named above; make lock resolves it anew" in done.stderr


def test_what_a_lock_names_no_more_is_gone(project: ScratchProject) -> None:
    project.with_newest_pip()
    project.wheel("stale", "1.0")
    project.lock("requirements.lock", *RUN, "stale==1.0")
    project.lock("requirements-dev.lock", "tool==1.0")
    assert project.make("tools").returncode == 0
    assert project.installed() == LOCKED | {"stale": "1.0", "tool": "1.0"}
    project.lock("requirements.lock", *RUN)
    assert project.make("setup").returncode == 0
    assert project.installed() == LOCKED, "the demo needs no tools"
    project.wheel("other", "1.0")
    project.lock("requirements-dev.lock", "other==1.0")
    assert project.make("tools").returncode == 0
    project.lock("requirements-dev.lock", "tool==1.0")
    assert project.make("tools").returncode == 0
    assert project.installed() == LOCKED | {"tool": "1.0"}


def test_set_up_that_died_half_way_is_done_anew(project: ScratchProject) -> None:
    """Pip takes a package for installed that has metadata, though its files are not there yet."""
    project.with_newest_pip()
    assert project.make("tools").returncode == 0
    for stamp, package in ((".tools", "tool"), (".packages", "plain")):
        (project.folder / ".venv" / stamp).unlink()
        _half(project, package)
        assert project.make("tools").returncode == 0
        assert project.installed() == LOCKED | {"tool": "1.0"}


def _half(project: ScratchProject, package: str) -> None:
    (site,) = (project.folder / ".venv" / "lib").glob("python*/site-packages")
    (site / f"{package}.py").unlink()
    (site / f"{package}-1.0.dist-info" / "RECORD").unlink()


def test_an_environment_that_was_moved_or_whose_interpreter_is_gone_is_made_anew(project: ScratchProject) -> None:
    project.with_newest_pip()
    assert project.make("setup").returncode == 0
    assert project.make("--question", "setup").returncode == 0, "nothing is left to do"
    (project.folder / ".venv" / ".packages").write_text("/where/it/was/made\n")
    assert project.make("--question", "setup").returncode == 1
    assert project.make("setup").returncode == 0
    python = project.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(project.folder / "gone")
    assert project.make("setup").returncode == 0
    assert project.installed() == LOCKED


def test_a_python_that_is_too_old_or_not_there_is_said(project: ScratchProject) -> None:
    project.python = str(project.folder / "nowhere")
    done = project.make("setup")
    assert done.returncode != 0
    assert "make: Python 3.11 or newer is needed: PYTHON=... says where it is" in done.stderr


LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock", "requirements-server.lock")


def test_the_locks_are_what_the_declarations_resolve_to(tmp_path: Path) -> None:
    """What they name is complete, extras too, and nothing was declared since without `make lock`."""
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    before = {name: _pins(tmp_path / name) for name in LOCKS}
    command = ["make", "--no-print-directory", "resolved", f"BIN={Path(sys.executable).parent}"]
    clean = {name: value for name, value in os.environ.items() if name not in {"ARGS", "MAKEFLAGS", "MAKEOVERRIDES"}}
    done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode and "error sending request" in done.stderr.lower():
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    assert {name: _pins(tmp_path / name) for name in LOCKS} == before


def test_locks_name_no_address() -> None:
    for name in LOCKS:
        assert "://" not in (ROOT / name).read_text()


def _pins(lock: Path) -> set[str]:
    """Without hashes: a release gets further files after it was locked."""
    return {line.rstrip(" \\") for line in lock.read_text().splitlines() if line[:1].isalnum()}
