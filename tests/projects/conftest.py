"""A copy of a sample project, in which the commands run as in its team's shell, and a process that forgets it later."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.patience import PATIENCE
from projects.conversation import Sample

collect_ignore = ["samples"]  # one of them has tests of its own


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Sample:
    """The sample project of the test; the tests are parametrized with it."""
    found: Sample = request.param
    return found


@pytest.fixture
def folder(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the project, where the commands are run. What it imports and sets is forgotten afterwards."""
    copied = sample.copied_to(tmp_path)
    monkeypatch.chdir(copied)
    environ, path, modules = dict(os.environ), [*sys.path], {*sys.modules}
    try:
        yield copied
    finally:
        os.environ.clear()
        os.environ.update(environ)
        sys.path[:] = path
        for name in sys.modules.keys() - modules:
            if (file := getattr(sys.modules[name], "__file__", None)) and Path(file).is_relative_to(copied):
                del sys.modules[name]


@pytest.fixture
def quiet_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that keeps its own logs and secrets, and shows no run while it works: a busy machine may be slow."""
    monkeypatch.setattr("bot.telemetry.set_up_logs", lambda **_: None)
    monkeypatch.setattr("bot.masking._remembered", set())
    for after in ("WORDS_AFTER", "STEPS_AFTER"):
        monkeypatch.setattr(f"bot.outbound.live.{after}", PATIENCE * 10)
