"""Matching people to the places of a policy's parts, one place for each.

A person counts once, for one part. Which part is settled by a matching, so that an early voter takes no place that
only a later one could fill.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from engine.authority.parts import Part, Stage
from engine.ids import UserId
from engine.sources import Origin, Source

FillableParts = Sequence[tuple[int, int]]
"""The parts that a voter can fill, each as (stage, index in it)."""

Members = Mapping[Source, frozenset[UserId]]
"""The members of sources that were counted."""


def fillable(
    stages: Sequence[Stage], without: frozenset[UserId] = frozenset(), members: Members = MappingProxyType({})
) -> bool:
    """True if the quorums can be reached; groups, channels and schedules count as having enough people."""
    people = {(stage, place): _known_in(part, members) for stage, place, part in _places(stages)}
    everybody = sorted(frozenset().union(*people.values()) - without)
    voters = [[place for place, known in people.items() if user in known] for user in everybody]
    open_ended = [
        [(stage, place)]
        for stage, place, part in _places(stages)
        if any(source.origin is not Origin.USER and source not in members for source in part.sources)
        for _ in range(part.quorum)
    ]
    return most_filled(stages, [*open_ended, *voters]) == sum(part.quorum for _, _, part in _places(stages))


def _places(stages: Sequence[Stage]) -> list[tuple[int, int, Part]]:
    return [(stage, place, part) for stage, parts in enumerate(stages) for place, part in enumerate(parts)]


def _known_in(part: Part, members: Members) -> frozenset[UserId]:
    return part.named.union(*(members.get(source, frozenset()) for source in part.sources))


def most_filled(stages: Sequence[Stage], voters: Sequence[FillableParts]) -> int:
    """Count the places that voters can fill at most, each one place: a bipartite matching by augmenting paths.

    H. W. Kuhn, The Hungarian method for the assignment problem, 1955. The places of a part are alike, so a path goes
    through parts.
    """
    holders: _Holders = {
        (stage, place): [None] * part.quorum for stage, parts in enumerate(stages) for place, part in enumerate(parts)
    }
    return sum(_takes_place(voter, voters, holders, set()) for voter in range(len(voters)))


_Holders = dict[tuple[int, int], list[int | None]]
"""The voters who hold the places of each part; None for a free place."""


def _takes_place(voter: int, voters: Sequence[FillableParts], holders: _Holders, tried: set[tuple[int, int]]) -> bool:
    """Give a voter a place, if those who hold one can move. Not a closure, which would be garbage in a cycle."""
    for part in voters[voter]:
        if part in tried or part not in holders:
            continue
        tried.add(part)
        places = holders[part]
        if None in places:
            places[places.index(None)] = voter
            return True
        for number, holder in enumerate(places):
            if holder is not None and _takes_place(holder, voters, holders, tried):
                places[number] = voter
                return True
    return False
