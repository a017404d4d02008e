"""What the graphs of the stories do outside of themselves, where a story can see it and steer it.

The bot of a story runs in this process, so its graphs and the story share this module. It is emptied for each story.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Outside:
    """`done` are the things that graphs did, in order: what stands there twice was done twice."""

    done: list[str] = field(default_factory=list)
    payload: Any = None
    """What a graph is to ask."""
    broken: set[str] = field(default_factory=set)
    """Steps that raise."""
    failed: list[str] = field(default_factory=list)
    """Steps that raised, in order."""
    _doors: dict[str, asyncio.Event] = field(default_factory=dict)

    def do(self, what: str) -> None:
        """Do something that should be done once."""
        self.done.append(what)

    def try_step(self, name: str) -> None:
        """Raise where the step is broken."""
        if name in self.broken:
            self.failed.append(name)
            raise RuntimeError(f"{name} does not work today")

    def door(self, name: str) -> asyncio.Event:
        """A door that a slow node waits at until the story opens it."""
        return self._doors.setdefault(name, asyncio.Event())

    def forget(self) -> None:
        """Begin a new story."""
        self.done.clear()
        self.broken.clear()
        self.failed.clear()
        self._doors.clear()
        self.payload = None


outside = Outside()
