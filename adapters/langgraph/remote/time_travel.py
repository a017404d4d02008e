"""Time travel on a server: shows people a thread's checkpoints, and runs on from one of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects, sentences
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.errors import StateRefusedError
from adapters.langgraph.remote.agents import ServerAgent
from adapters.langgraph.remote.client import ServerClient
from adapters.langgraph.remote.reports import report
from adapters.langgraph.remote.runs import ServerRuns
from adapters.langgraph.remote.threads import ServerThread, checkpoint_id, read
from engine.ids import ThreadId
from engine.ports import RunResult, Snapshot, Stale, TimeTravelRun


async def snapshots(client: ServerClient, thread: ThreadId, limit: int) -> Sequence[Snapshot]:
    """The last checkpoints, the newest first; none where the graph refuses any: a server shows all or none."""
    try:
        found = await client.history(thread, limit + 1)
    except StateRefusedError:
        return ()
    before = {checkpoint_id(each.get("checkpoint")): each for each in found}
    return [_snapshot(each, before.get(checkpoint_id(each.get("parent_checkpoint")))) for each in found[:limit]]


async def time_travel(agent: ServerAgent, runs: ServerRuns, request: TimeTravelRun) -> RunResult | Stale:
    """Begin the branch unless it has begun, and run on."""
    client, key = agent.client, f"travel/{request.key}"
    run = await client.run_of(request.thread, key)
    thread = await read(client, request.thread)
    if run is not None:
        return await runs.end_of(agent, request.thread, run)
    target = await client.state(request.thread, request.checkpoint)
    if target is None:
        return Stale(sentences.CHECKPOINT_GONE, report(agent, request.thread, thread))
    if not thread.is_update_of(request.checkpoint):  # else an earlier delivery has begun the branch
        if problem := await _begin(client, request, ServerThread(target), thread):
            return Stale(problem, report(agent, request.thread, await read(client, request.thread)))
        thread = await read(client, request.thread)
    if not thread.waiting or not agent.breakpoints.isdisjoint(thread.waiting):
        return report(agent, request.thread, thread)
    requester = ServerThread(target).requester
    options = agent.options_of_run(request.thread, request.key, requester)
    marks = {keys.TURN: request.key, keys.REQUESTER: requester}
    run = await client.begin(request.thread, key, input=None, metadata=marks, **options)
    return await runs.end_of(agent, request.thread, run)


async def _begin(client: ServerClient, request: TimeTravelRun, target: ServerThread, thread: ServerThread) -> str:
    """Begin the branch with its changes; if the graph refuses the new state, put the old one back and say why."""
    edits = request.edits if isinstance(request.edits, dict) else {}
    changed = {name: each for name, each in edits.items() if target.values.get(name) != each}
    try:
        await client.update(request.thread, changed, checkpoint=request.checkpoint)
    except StateRefusedError as error:
        await client.update(request.thread, {}, checkpoint=thread.checkpoint)
        return f"{sentences.EDIT_REFUSED} {sentences.refused_fields(str(error)) or error}"
    return ""


def _snapshot(found: Mapping[str, Any], before: Mapping[str, Any] | None) -> Snapshot:
    metadata = found.get("metadata") or {}
    tasks = before.get("tasks", ()) if before is not None and metadata.get("source") == "loop" else ()
    values = to_json(found.get("values")).value
    asked = [each for task in found.get("tasks", ()) for each in task.get("interrupts") or ()]
    return Snapshot(
        checkpoint=checkpoint_id(found.get("checkpoint")),
        at=datetime.fromisoformat(str(found["created_at"])),
        source=str(metadata.get("source", "")),
        ran=tuple(dict.fromkeys(str(task["name"]) for task in tasks if not str(task["name"]).startswith("__"))),
        next=tuple(dict.fromkeys(str(each) for each in found.get("next", ()) if not str(each).startswith("__"))),
        asked=tuple(dialects.read(dialects.Question(to_json(each.get("value")).value)).prompt for each in asked),
        values=values if isinstance(values, dict) else {"state": values},
    )
