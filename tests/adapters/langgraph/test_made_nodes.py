"""Nodes that are made up, thousands of them: what a person decides is what they do, whatever way they read it in.

A generator (`made_nodes`) writes projects of several modules, of which it knows what each answer means, and they are
run through the real adapter (`made_trial`): a refusal is never carried out, neither by Reject nor by words; Approve
acts on what was shown and Edit on the new value; nothing raises because of what was sent. So that this cannot hold by
offering nothing, the shares of what is offered have a lower bound.

`SIGNOFF_MADE_NODES=5000 SIGNOFF_MADE_SEED=7` looks longer, elsewhere.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from support.made_nodes import Made, made_nodes
from support.made_trial import Seen, Trial, project

from engine.asks.ask import Choice

EXAMPLES = int(os.environ.get("SIGNOFF_MADE_NODES", "70"))
SEED = os.environ.get("SIGNOFF_MADE_SEED", "")
ENOUGH = 100
"""Nodes of which a share says something."""


@pytest.mark.promise("P4")
@pytest.mark.timeout(60 + EXAMPLES)
def test_what_a_person_decides_is_what_a_made_up_node_does(tmp_path: Path) -> None:
    seen: list[Seen] = []

    def tried(made: Made) -> None:
        found = asyncio.run(_tried(made, tmp_path))
        seen.append(found)
        assert found.faults == [], "\n".join([*found.faults, str(found.choices), made.source()])

    _over_many(tried)
    _is_various(seen)
    known = [each for each in seen if each.made.knowable]
    _offered(known, lambda each: Choice.APPROVE in each.choices, 0.9, "Approve")
    editable = [each for each in known if each.made.edits]
    _offered(editable, lambda each: Choice.EDIT in each.choices, 0.75, "Edit")
    _offered(known, lambda each: not each.stops, 0.85, "a Reject that the node hears")


def _over_many(tried: Callable[[Made], None]) -> None:
    settle = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not SEED,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=tuple(HealthCheck),
    )
    run = given(made_nodes())(tried)
    settle(seed(int(SEED))(run) if SEED else run)()


async def _tried(made: Made, folder: Path) -> Seen:
    with project(made, folder) as agent:
        return await Trial(made, agent).run()


def _offered(among: Sequence[Seen], has: Callable[[Seen], bool], least: float, what: str) -> None:
    count = sum(map(has, among))
    print(f"{what}: {count} of {len(among)}")  # noqa: T201 - the figures, with `-s`
    assert len(among) < ENOUGH or count >= least * len(among), f"{what} is offered on {count} of {len(among)}"


def _is_various(seen: Sequence[Seen]) -> None:
    """Whether what was made is not one node over and over again."""
    shapes = {each.made.shape for each in seen}
    print(f"{len(seen)} nodes, {len(shapes)} shapes of code")  # noqa: T201 - likewise
    assert len(shapes) > len(seen) / 2
