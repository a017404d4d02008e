"""The plan of a run, and what came out of it."""

from dataclasses import dataclass
from pathlib import Path

from bench.chaos.checker.rules import Broken
from bench.chaos.recorder import Recorder

LOAD = 0.75
"""The part of the time in which things fail; in the rest all work is finished."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does."""

    minutes: float = 30.0
    clicks: int = 10_000
    seed: int = 0
    workers: int = 3
    supervised: bool = False
    """The workers are `signoff run --processes N`."""
    quiet: bool = False
    """Nothing fails."""

    @property
    def seconds_of_load(self) -> float:
        """How long people begin conversations and things fail."""
        return self.minutes * 60 * LOAD


@dataclass(frozen=True, slots=True)
class Report:
    """What came out."""

    plan: Plan
    folder: Path
    recorder: Recorder
    broken: list[Broken]
    settled: float
    """The seconds until the last card was true, after the last failure."""
    ended: list[str]
    """How workers ended that nobody killed."""

    @property
    def acked(self) -> int:
        """How many clicks were acked."""
        return len(self.recorder.acks)
