"""A clock that tests set."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Stands still until `advance` is called."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """Aware, in UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
