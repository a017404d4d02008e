"""When enough people have approved (P2), and whose turn it is."""

from collections.abc import Sequence

from engine.authority.matching import FillableParts, most_filled
from engine.authority.policy import Policy


def stage_of(policy: Policy, voters: Sequence[FillableParts]) -> int | None:
    """The first stage that these voters, each counted once, do not fill; None where they fill all."""
    for stage in range(len(policy.stages)):
        upto = policy.stages[: stage + 1]
        if most_filled(upto, voters) < sum(part.quorum for parts in upto for part in parts):
            return stage
    return None


def missing(policy: Policy, voters: Sequence[FillableParts]) -> int:
    """How many more people must approve."""
    return policy.quorum - most_filled(policy.stages, voters)


def adds(policy: Policy, voters: Sequence[FillableParts], one_more: FillableParts) -> bool:
    """True if one more voter fills another place in the stages reached so far."""
    stage = stage_of(policy, voters)
    reached = policy.stages if stage is None else policy.stages[: stage + 1]
    return most_filled(reached, [*voters, one_more]) > most_filled(reached, voters)
