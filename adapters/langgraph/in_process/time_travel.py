"""A thread's checkpoints for people, and running on from one of them.

Going back begins a branch by a checkpoint of its own, before anything runs: a copy of the one that was chosen, or what
an update of its state makes of it. It is the thread's newest, so the thread stands there from then on, and its metadata
names the journey: whoever is asked for the same journey again sees that it has begun, and only runs on. What was stored
for the step (questions, answers, results) stays behind, so everything in it is asked and done anew, and its questions
have other ids: no decision of the old branch can reach the new one.

A run never starts at a checkpoint that waits at a breakpoint: there it is asked (see
`adapters.langgraph.in_process.breakpoints`).

https://docs.langchain.com/oss/python/langgraph/use-time-travel
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langgraph.types import StateUpdate

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects
from adapters.langgraph.dialects.to_json import plain
from adapters.langgraph.in_process.forking import fork
from adapters.langgraph.in_process.state_edits import CannotMoveError, edits, update
from adapters.langgraph.in_process.threads import StateRefusedError, snapshot_of, state_of
from engine.asks.ask import Json
from engine.ports import Journey, Moment, Stale, Standstill

if TYPE_CHECKING:
    from adapters.langgraph.in_process.session import ThreadWork

GONE = "That point of the conversation is no longer kept, so nothing was done."


async def history(graph: Any, saver: Any, config: Mapping[str, Any], limit: int) -> Sequence[Moment]:
    """The last checkpoints, the newest first."""
    try:
        found = [snapshot async for snapshot in graph.aget_state_history(dict(config), limit=limit + 1)]
    except Exception:  # noqa: BLE001 - the graph's own code may refuse any of its states; the way back is needed then
        found = await _one_by_one(graph, saver, config, limit + 1)
    known = {_id(snapshot.config): snapshot for snapshot in found}
    return [_moment(snapshot, known) for snapshot in found[:limit]]


async def _one_by_one(graph: Any, saver: Any, config: Mapping[str, Any], limit: int) -> list[Any]:
    """The same, where the graph refuses some of its states: those are shown without what comes next."""
    root = {"configurable": {**config["configurable"], "checkpoint_ns": ""}}
    found = []
    for stored in [each async for each in saver.alist(root, limit=limit)]:
        try:
            found.append(await state_of(graph, stored.config))
        except StateRefusedError:
            found.append(snapshot_of(stored))
    return found


_UNREAD = (
    "At this point the agent had not read the message yet, and a change would take its place. Choose the next point. "
    "Nothing was run."
)


def _moment(snapshot: Any, known: Mapping[str, Any]) -> Moment:
    metadata = snapshot.metadata or {}
    before = known.get(_id(snapshot.parent_config)) if snapshot.parent_config else None
    ran = [task.name for task in before.tasks] if before is not None and metadata.get("source") == "loop" else []
    values = plain(snapshot.values).value
    return Moment(
        checkpoint=_id(snapshot.config),
        at=datetime.fromisoformat(snapshot.created_at) if snapshot.created_at else datetime.now(UTC),
        source=str(metadata.get("source", "")),
        ran=tuple(dict.fromkeys(name for name in ran if not name.startswith("__"))),
        next=tuple(dict.fromkeys(name for name in snapshot.next if not name.startswith("__"))),
        asked=tuple(_prompt(each) for each in snapshot.interrupts),
        values=values if isinstance(values, dict) else {"state": values},
    )


def _id(config: Mapping[str, Any]) -> str:
    return str(config["configurable"].get("checkpoint_id", ""))


def _prompt(interrupt: Any) -> str:
    ask = dialects.read(dialects.Question(plain(interrupt.value).value))
    return ask.prompt or ", ".join(action.name for action in ask.actions)


async def travel(work: "ThreadWork", journey: Journey) -> Standstill | Stale:
    """Begin the branch where it has not begun, and run on."""
    thread = await work.read()
    if thread.exists and thread.mark(keys.TURN) == journey.key:
        return await work.run_on(thread)
    target = await work.read(checkpoint=journey.checkpoint)
    if not target.exists:
        return Stale(GONE, await work.rest(thread))
    if work.draining:
        return Standstill(stopped=True, complete=False)
    try:
        await _begin(work, journey, target)
    except CannotMoveError as error:
        return Stale(str(error), await work.rest(thread))
    return await work.rest(await work.read())


async def _begin(work: "ThreadWork", journey: Journey, target: Any) -> None:
    config = work.config_for_branch(target, journey.key)
    changed = _changed(work, target, journey.edits)
    if changed and (target.snapshot.metadata or {}).get("source") == "input":
        raise CannotMoveError(_UNREAD)
    if changed:
        await update(work.agent.graph, target.levels[0], config, [StateUpdate(changed, None)])
    else:
        await fork(work.saver, _at(config, journey.checkpoint), config["metadata"])


def _changed(work: "ThreadWork", target: Any, wanted: Json) -> dict[str, Any]:
    return edits(work.agent.graph, target.levels[0], wanted) if isinstance(wanted, dict) else {}


def _at(config: Mapping[str, Any], checkpoint: str) -> dict[str, Any]:
    return {**config, "configurable": {**config["configurable"], "checkpoint_id": checkpoint}}
