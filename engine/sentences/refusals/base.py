"""The base of all refusals."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Refusal:
    """A click that had no effect. `code` stands in audits and metrics."""

    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "No effect"
    """The title of the modal that tells it."""

    @property
    def sentence(self) -> str:
        """The sentence for the person."""
        raise NotImplementedError
