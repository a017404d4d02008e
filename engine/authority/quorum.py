"""The quorum of a policy: the votes that it still lacks, and the stage whose turn it is (P2)."""

from collections.abc import Sequence

from engine.authority.matching import FillableParts, most_filled
from engine.authority.policy import Policy


def stage_of(policy: Policy, voters: Sequence[FillableParts]) -> int | None:
    """Find the first stage that these voters, each counted once, do not fill; None if they fill all."""
    for stage in range(len(policy.stages)):
        upto = policy.stages[: stage + 1]
        if most_filled(upto, voters) < sum(part.quorum for parts in upto for part in parts):
            return stage
    return None


def missing(policy: Policy, voters: Sequence[FillableParts]) -> int:
    """Count the people who must still approve."""
    return policy.quorum - most_filled(policy.stages, voters)


def adds(policy: Policy, voters: Sequence[FillableParts], one_more: FillableParts) -> bool:
    """True if one more voter fills another place in the stages reached so far."""
    stage = stage_of(policy, voters)
    reached = policy.stages if stage is None else policy.stages[: stage + 1]
    return most_filled(reached, [*voters, one_more]) > most_filled(reached, voters)
