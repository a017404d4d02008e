"""Graphs that read their answers as public projects do: through the real bot, each choice does what its button says.

The graphs of `graphs/` have a `META` that says what each choice must do. `NOT_KNOWN` names what is honestly not offered
today, with the reason; whatever else differs from `META` fails, also where it is better than that.

`CONVENTIONS_TABLE=FILE` appends a line of JSON for each graph, `python tests/conventions/figures.py FILE` sums them up.
"""

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from conventions.talks import CHANNEL, Rounds
from conventions.verdicts import NOT_OFFERED, STOPPED, Row, table
from stories.world import World

GRAPHS = Path(__file__).parent / "graphs"
COLLECTIONS = ("sample", "gates", "routes", "tools", "reviews", "records", "traps", "odd")
NOT_KNOWN: Mapping[tuple[str, str], str] = {
    ("call_review", "answer"): NOT_OFFERED,  # its words are those of a refusal: Reject brings them, as the reason
    ("step_loop", "edit"): NOT_OFFERED,  # what its second question leads to is not told apart from what the edit does
    ("verify_fields", "approve"): NOT_OFFERED,  # every answer acts, and "correct" makes no difference
    ("verify_fields", "edit"): NOT_OFFERED,
    ("clip_choice", "edit"): NOT_OFFERED,  # it takes both ends of the clip or none
    ("shell_consent", "approve"): NOT_OFFERED,  # once, or for the session: each has its own button
    ("renewal_mail", "approve"): NOT_OFFERED,  # its refusal does more with what is shown than its approval
    ("named_method", "approve"): NOT_OFFERED,  # the answer is part of the name of what is called
    ("hold_payment", "approve"): NOT_OFFERED,  # "no" pays: what is read and what it is called contradict each other
    ("asked_anew", "approve"): NOT_OFFERED,  # its refusal makes another text, and does the same with it
    ("job_queue", "approve"): NOT_OFFERED,  # what comes out of the queue is not known
    ("whole_answer", "edit"): NOT_OFFERED,
}
"""(graph, choice): what happens in its place."""


def metas(collection: str) -> dict[str, dict[str, Any]]:
    """What each graph of a collection must do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(GRAPHS)
        found: dict[str, dict[str, Any]] = importlib.import_module(collection).META
    return found


@pytest.mark.promise("P4")
@pytest.mark.promise("P5")
@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_each_choice_does_what_its_button_says(
    world: World, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta = metas(collection)
    await world.start(
        agents={name: {"graph": f"{GRAPHS / collection}.py:{name}", "channels": [CHANNEL]} for name in meta}
    )
    rows = await table(Rounds(world, tuple(meta), monkeypatch), meta)
    _write(rows)
    amiss = {key: said for row in rows for key, said in row.amiss().items()}
    assert amiss == {key: said for key, said in NOT_KNOWN.items() if key[0] in meta}


def test_what_is_not_known_stays_within_the_aims() -> None:
    every = [each for collection in COLLECTIONS for each in metas(collection).values()]
    assert set(NOT_KNOWN.values()) <= {NOT_OFFERED, STOPPED}, "only what is honestly not offered is tolerated"
    missed = [choice for _, choice in NOT_KNOWN]
    assert missed.count("approve") <= sum(each["approve"] == "done" for each in every) / 10
    assert missed.count("edit") <= sum(bool(each["edit"]) for each in every) / 4
    assert "reason" not in missed


def _write(rows: Sequence[Row]) -> None:
    if path := os.environ.get("CONVENTIONS_TABLE"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps({"graph": row.graph, **row.verdicts}) + "\n" for row in rows)
