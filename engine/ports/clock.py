"""The clock that everything is timed by."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The source of the current time."""

    def now(self) -> datetime:
        """Aware, in UTC."""
