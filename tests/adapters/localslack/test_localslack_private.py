"""Messages and uploads are private: on a shared machine nobody else can read them."""

import stat
from pathlib import Path

import aiohttp

from adapters.localslack import LocalSlack


async def test_files_and_folders_are_their_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "workspace"
    async with LocalSlack(data=data) as slack, aiohttp.ClientSession() as session:
        file_id, ticket = slack.workspace.uploads.begin("plan.txt")
        async with session.post(f"{slack.url}/upload/{ticket}", data=b"secret plan") as answer:
            assert answer.status == 200
        assert slack.workspace.uploads.path(file_id).read_bytes() == b"secret plan"
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.rglob("*"))}
    assert len(found) >= 5
    assert not {path: oct(mode) for path, mode in found.items() if mode & 0o077}


async def test_a_file_that_was_left_half_written_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "secrets.json.new").write_text("{", encoding="utf-8")
    async with LocalSlack(data=tmp_path):
        pass
    found = tmp_path / "secrets.json"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
