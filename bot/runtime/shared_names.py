"""Names of people, channels and groups that another worker of the same supervisor has looked up in Slack.

Slack allows 20 calls a minute that list 200 people or channels each: eight workers in a workspace of 5,000 people
would need ten minutes for their start. A name means the same in all workers until a reload, as it does in one
process: also in a worker that is started again after somebody else took that name. Only the meaning of names is
shared. Who may decide at the moment of a click, and who is in a group, is asked then, with the same limits of age as
in one process.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ToldNames:
    """The names as JSON, and how many seconds ago they were looked up."""

    names: str
    age: float


class SharedNames(Protocol):
    """Passes names on between the workers that go by the same edition of the configuration."""

    async def told(self) -> ToldNames | None:
        """The names, if another worker has told them."""

    def tell(self, names: str) -> None:
        """Tell the names to the other workers."""
