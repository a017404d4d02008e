"""`signoff`, the one name that users import: lazy, typed, and out of the way of a project's own."""

import subprocess
import sys
from pathlib import Path

import pytest

import adapters.redis
import signoff
from bot.cli import invoke


def python(folder: Path, *arguments: str) -> str:
    """Run Python in a folder that may have modules of its own; give what it prints."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_each_name_is_the_one_of_its_room_and_no_other_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for name in set(signoff.__all__) - {"__version__"}:
        assert getattr(signoff, name) is getattr(adapters.redis, name)
    assert set(signoff.__all__) <= set(dir(signoff))
    with pytest.raises(AttributeError, match="no attribute 'RedisServer'"):
        _ = signoff.RedisServer  # type: ignore[attr-defined] # the test is about it
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"signoff {signoff.__version__}\n"


def test_the_import_brings_neither_langgraph_nor_redis(tmp_path: Path) -> None:
    code = "import sys, signoff; signoff.__version__; print({'langgraph', 'redis', 'pydantic'} & {*sys.modules})"
    assert python(tmp_path, "-c", code) == "set()"


def test_python_m_signoff_is_the_command(tmp_path: Path) -> None:
    assert python(tmp_path, "-m", "signoff", "--version") == f"signoff {signoff.__version__}"


def test_the_command_runs_beside_a_module_of_that_name_and_a_folder_without_code_changes_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "signoff").mkdir()
    assert python(tmp_path, "-m", "signoff", "--version") == f"signoff {signoff.__version__}"
    (tmp_path / "signoff.py").write_text("raise RuntimeError('of the project')")
    assert python(tmp_path, str(Path(sys.executable).parent / "signoff"), "--version").startswith("signoff ")
    own = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import bot.cli, bot.wiring; print('runs')"
    assert python(tmp_path, "-c", own) == "runs"
