"""How an extra is installed, by what pip wrote down of how Signoff was."""

import json
import sys
from pathlib import Path

import pytest

from adapters.extras import install_command

PIP = f"{sys.executable} -m pip install"
METADATA = """Metadata-Version: 2.4
Name: signoff
Version: 0.1.0
Requires-Dist: redis>=7.1
Requires-Dist: icalendar<8,>=7.3.2; extra == 'ical'
Requires-Dist: recurring-ical-events<4; extra == "ical"
Requires-Dist: uvloop<0.23; (sys_platform == 'linux' or sys_platform == 'darwin') and extra == 'fast'
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, **how: object) -> None:
    """Leave in an environment what pip leaves there."""
    written = folder / "site" / "signoff-0.1.0.dist-info"
    written.mkdir(parents=True)
    (written / "METADATA").write_text(METADATA)
    if url:
        (written / "direct_url.json").write_text(json.dumps({"url": url, **how}))
    monkeypatch.syspath_prepend(str(folder / "site"))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "a clone" / "signoff"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    return folder


@pytest.mark.parametrize(("how", "option"), [({}, ""), ({"editable": True}, "-e ")])
def test_from_a_clone_the_extra_is_installed_from_the_clone_and_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clone: Path, how: dict[str, bool], option: str
) -> None:
    install(tmp_path, monkeypatch, clone.as_uri(), dir_info=how)
    assert install_command("ical") == f'{PIP} {option}"{clone}[ical]"'


def test_from_a_wheel_the_extra_is_installed_from_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "signoff-0.1.0-py3-none-any.whl"
    wheel.touch()
    install(tmp_path, monkeypatch, wheel.as_uri(), archive_info={})
    assert install_command("ical") == f'{PIP} "{wheel}[ical]"'


@pytest.mark.parametrize(
    ("url", "how"),
    [
        ("", {}),
        ("file:///src/signoff", {"dir_info": {}}),
        ("https://git.example/signoff", {"vcs_info": {"vcs": "git", "commit_id": "1"}}),
    ],
)
def test_where_no_clone_is_left_the_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, how: dict[str, object]
) -> None:
    install(tmp_path, monkeypatch, url, **how)
    assert install_command("ical") == f'{PIP} "icalendar<8,>=7.3.2" "recurring-ical-events<4"'
    assert install_command("fast") == f'{PIP} "uvloop<0.23"'
