"""Parts of a policy: how many people of which sources must approve."""

from dataclasses import dataclass

from engine.ids import UserId
from engine.sources import Origin, Source


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a policy: `quorum` people of these sources.

    `outsiders` may be guests or people of another workspace, whom the rule names by id and lets in.
    Raises ValueError for a quorum below 1.
    """

    sources: tuple[Source, ...]
    quorum: int = 1
    outsiders: frozenset[UserId] = frozenset()

    def __post_init__(self) -> None:
        if self.quorum < 1:
            raise ValueError("a quorum is at least 1")

    @property
    def named(self) -> frozenset[UserId]:
        """The people named by id."""
        return frozenset(UserId(each.name) for each in self.sources if each.origin is Origin.USER)


Stage = tuple[Part, ...]
