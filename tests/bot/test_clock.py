"""The clock of a demo: it runs faster, goes on where it was, and never back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config.problems import ProblemsError
from bot.runtime.clock import AHEAD, SYSTEM_CLOCK, DemoClock, clock_of, time_shown

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Machine:
    """The machine's clock, which stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_minute_passes_each_second(machine: Machine, tmp_path: Path) -> None:
    clock = clock_of(tmp_path / "clock", 60, machine)
    assert clock.now() == NOON
    machine.time += timedelta(seconds=15)
    assert clock.now() == NOON + 15 * MINUTE


def test_started_again_it_goes_on_where_it_was_stopped(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    first = clock_of(file, 60, machine)
    assert isinstance(first, DemoClock)
    machine.time += MINUTE
    shown = first.now()
    first.stop()
    for speed in (60, 1):  # also without the option: times that it showed lie in the future of the machine's clock
        machine.time += MINUTE
        clock = clock_of(file, speed, machine)
        assert isinstance(clock, DemoClock)
        assert clock.now() == shown
        machine.time += timedelta(seconds=1)
        shown += timedelta(seconds=speed)
        assert clock.now() == shown
        clock.stop()


def test_it_never_goes_back_where_nothing_could_be_written_at_the_end(machine: Machine, tmp_path: Path) -> None:
    file, shown = tmp_path / "clock", NOON
    for _ in range(20):
        clock = clock_of(file, 60, machine)
        for _ in range(7):
            machine.time += timedelta(seconds=1)
            assert shown <= clock.now() <= shown + 2 * AHEAD * 60
            shown = clock.now()


def test_the_machine_has_caught_up(machine: Machine, tmp_path: Path) -> None:
    """Then its clock is gone by, which no file is needed for."""
    file = tmp_path / "clock"
    first = clock_of(file, 60, machine)
    assert isinstance(first, DemoClock)
    first.stop()
    machine.time += timedelta(days=1)
    assert clock_of(file, 1, machine) is SYSTEM_CLOCK
    assert clock_of(file, 2, machine).now() == machine.time
    assert clock_of(tmp_path / "none", 1, machine) is SYSTEM_CLOCK


@pytest.mark.promise("P10")
@pytest.mark.parametrize("text", ["", "noon", "\0", "9999-12-31T23:59:59-20:00"])
def test_a_file_that_holds_no_time_is_told(text: str, machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text(text)
    with pytest.raises(ProblemsError, match=r"cannot be read \(it holds no time\)\. Delete the file") as told:
        clock_of(file, 60, machine)
    assert str(file) in str(told.value)


def test_a_command_that_reads_the_time_of_a_demo_changes_nothing_of_it(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    assert time_shown(file, machine) == NOON
    assert not file.exists()
    running = clock_of(file, 60, machine)
    machine.time += MINUTE
    shown, before = running.now(), file.read_bytes()
    assert shown <= time_shown(file, machine) <= shown + 60 * AHEAD
    assert file.read_bytes() == before
