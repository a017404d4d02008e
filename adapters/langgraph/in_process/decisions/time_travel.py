"""Time travel: shows people a thread's checkpoints, and runs on from one of them.

A branch begins with a checkpoint of its own, before anything runs: a copy of the chosen one, or an update of its state.
It is the thread's newest checkpoint, so the thread goes on from there, and its metadata has the branch's key: when the
same time travel is delivered again, the key shows that the branch has begun. The copy has none of the questions,
answers and results that were stored for the step, so everything in it is asked and done again, and its questions have
other ids: no decision of the old branch can reach the new one.

A run never starts at a checkpoint that waits at a breakpoint: there people are asked (see
`adapters.langgraph.in_process.threads.breakpoints`).

https://docs.langchain.com/oss/python/langgraph/use-time-travel
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from langgraph.types import StateUpdate

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects, sentences
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.errors import EditRefusedError, StateRefusedError
from adapters.langgraph.in_process.reports.report import STOPPED
from adapters.langgraph.in_process.runs.forking import fork
from adapters.langgraph.in_process.sessions.runner import ThreadRunner
from adapters.langgraph.in_process.sessions.session import Session
from adapters.langgraph.in_process.threads.checkpoints import snapshot_of, state_of
from adapters.langgraph.in_process.threads.state_edits import edits, update
from adapters.langgraph.in_process.threads.thread import Thread
from engine.asks.ask import Json
from engine.ports import RunResult, Snapshot, TimeTravelRun


async def snapshots(graph: Any, saver: Any, config: Mapping[str, Any], limit: int) -> Sequence[Snapshot]:
    """The last checkpoints, the newest first."""
    try:
        found = [snapshot async for snapshot in graph.aget_state_history(dict(config), limit=limit + 1)]
    except Exception:  # noqa: BLE001 - the graph's own code may refuse any of its states
        found = await _snapshots_one_by_one(graph, saver, config, limit + 1)
    known = {_checkpoint_of(snapshot.config): snapshot for snapshot in found}
    return [_snapshot(snapshot, known) for snapshot in found[:limit]]


async def _snapshots_one_by_one(graph: Any, saver: Any, config: Mapping[str, Any], limit: int) -> list[Any]:
    """The same for a graph that refuses some of its states: those are shown without the nodes that come next."""
    root = {"configurable": {**config["configurable"], "checkpoint_ns": ""}}
    found = []
    for stored in [each async for each in saver.alist(root, limit=limit)]:
        try:
            found.append(await state_of(graph, stored.config))
        except StateRefusedError:
            found.append(snapshot_of(stored))
    return found


def _snapshot(snapshot: Any, known: Mapping[str, Any]) -> Snapshot:
    metadata = snapshot.metadata or {}
    before = known.get(_checkpoint_of(snapshot.parent_config)) if snapshot.parent_config else None
    ran = [task.name for task in before.tasks] if before is not None and metadata.get("source") == "loop" else []
    values = to_json(snapshot.values).value
    return Snapshot(
        checkpoint=_checkpoint_of(snapshot.config),
        at=datetime.fromisoformat(snapshot.created_at) if snapshot.created_at else datetime.now(UTC),
        source=str(metadata.get("source", "")),
        ran=tuple(dict.fromkeys(name for name in ran if not name.startswith("__"))),
        next=tuple(dict.fromkeys(name for name in snapshot.next if not name.startswith("__"))),
        asked=tuple(_prompt(each) for each in snapshot.interrupts),
        values=values if isinstance(values, dict) else {"state": values},
    )


def _checkpoint_of(config: Mapping[str, Any]) -> str:
    return str(config["configurable"].get("checkpoint_id", ""))


def _prompt(interrupt: Any) -> str:
    ask = dialects.read(dialects.Question(to_json(interrupt.value).value))
    return ask.prompt or ", ".join(action.name for action in ask.actions)


async def time_travel(runner: ThreadRunner, request: TimeTravelRun) -> RunResult:
    """Begin the branch unless it has begun, and run on.

    Raises EditRefusedError where nothing was begun. The runner's graph was made for the requester of the checkpoint, so
    it does not go on with the thread then.
    """
    session = runner.session
    thread = await session.read()
    if thread.exists and thread.mark(keys.TURN) == request.key:
        return await runner.run_on(thread)
    target = await session.read(checkpoint=request.checkpoint)
    if not target.exists:
        raise EditRefusedError(sentences.CHECKPOINT_GONE)
    if session.runs.draining:
        return STOPPED
    await _begin(session, request, target)
    return await runner.rest(await session.read())


async def _begin(session: Session, request: TimeTravelRun, target: Thread) -> None:
    config = session.config_of_branch(target, request.key)
    changed = _edits(session, target, request.edits)
    if changed and (target.snapshot.metadata or {}).get("source") == "input":
        raise EditRefusedError(sentences.CHECKPOINT_BEFORE_MESSAGE)
    if changed:
        await update(session.agent.graph, target.levels[0], config, [StateUpdate(changed, None)])
    else:
        await fork(session.saver, _at_checkpoint(config, request.checkpoint), config["metadata"])


def _edits(session: Session, target: Thread, wanted: Json) -> dict[str, Any]:
    return edits(session.agent.graph, target.levels[0], wanted) if isinstance(wanted, dict) else {}


def _at_checkpoint(config: Mapping[str, Any], checkpoint: str) -> dict[str, Any]:
    return {**config, "configurable": {**config["configurable"], "checkpoint_id": checkpoint}}
