"""Each released version has a fixture, and this version can write its own."""

import re
from pathlib import Path

from upgrade.upgraded import FIXTURES, Fixture
from upgrade.write import write

from adapters.redis.keys import Keys

ROOT = Path(__file__).parents[2]
LONGEST = 400_000
"""Bytes of a fixture: it stays in the repository."""


def kinds(fixture: Fixture) -> set[str]:
    """The kinds of keys in it, but for those that are there or not by the moment."""
    found = {kind.name for each in fixture.entries if (kind := Keys().kind_of(each["key"])) is not None}
    return found - {"lease", "queue", "calls", "absent", "shut", "reading", "asking", "posted"}


def test_each_released_version_has_a_fixture() -> None:
    released = re.findall(r"^## (\d[^ ]*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released
    assert {str(each) for each in FIXTURES} >= set(released), "run `make fixture` before the version is raised"


def test_a_fixture_is_small_and_says_its_version(fixture: Fixture) -> None:
    assert fixture.made["version"] == fixture.folder.name
    assert sum(file.stat().st_size for file in fixture.folder.iterdir()) < LONGEST


async def test_this_version_can_write_its_own(tmp_path: Path) -> None:
    await write(tmp_path)
    written, newest = Fixture(tmp_path), FIXTURES[-1]
    assert written.made["marks"].keys() >= newest.made["marks"].keys()
    assert kinds(written) >= kinds(newest)
    assert written.files() >= newest.files()
