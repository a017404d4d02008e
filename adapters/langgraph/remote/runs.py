"""Begins runs on a server under keys of ours, and waits for their ends."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.langgraph import config_keys as keys
from adapters.langgraph import sentences
from adapters.langgraph.errors import TimeLimitError
from adapters.langgraph.remote.agents import ServerAgent
from adapters.langgraph.remote.reports import STOPPED, report
from adapters.langgraph.remote.threads import ServerThread, read
from engine.ids import ThreadId
from engine.ports import Answer, RunResult


def key_of(*answers: Answer) -> str:
    """The key of the run that gets these answers."""
    return "answer/" + "+".join(f"{each.key}" for each in answers)


class ServerRuns:
    """The runs that this process waits for."""

    def __init__(self) -> None:
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Stop waiting for any run: it goes on at the server, and the next process joins it."""
        self._draining.set()

    async def run_for(self, agent: ServerAgent, answer: Answer, thread: ServerThread, **run: Any) -> RunResult:
        """Run for one answer or decision to the end."""
        return await self.end_of(agent, answer.thread, await self.begin(agent, [answer], thread, **run))

    async def begin(
        self, agent: ServerAgent, answers: Sequence[Answer], thread: ServerThread, **run: Any
    ) -> Mapping[str, Any]:
        """Begin a run for answers. All use the first answer's idempotency key."""
        kept = (keys.TURN, keys.SAID_BEFORE)
        marks = {**{key: thread.mark(key) for key in kept}, keys.REQUESTER: thread.requester}
        first = answers[0]
        options = agent.options_of_run(first.thread, first.key, thread.requester)
        return await agent.client.begin(first.thread, key_of(*answers), metadata=marks, **run, **options)

    async def end_of(self, agent: ServerAgent, thread: ThreadId, run: Mapping[str, Any]) -> RunResult:
        """Wait for the end of a run, unless the process stops or the run takes too long."""
        waiting = asyncio.ensure_future(agent.client.end_of(thread, run["run_id"]))
        stopping = asyncio.ensure_future(self._draining.wait())
        limit = agent.spec.time_limit
        left = None if limit is None else (_begun_at(run) + limit - datetime.now(UTC)).total_seconds()
        try:
            done, _ = await asyncio.wait(
                {waiting, stopping}, timeout=left and max(left, 1.0), return_when=asyncio.FIRST_COMPLETED
            )
            if waiting in done:
                waiting.result()
                return report(agent, thread, await read(agent.client, thread))
            if stopping in done:
                return STOPPED
        finally:
            for each in (waiting, stopping):
                each.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)
        await agent.client.cancel(thread, run["run_id"])
        took_too_long = sentences.failure(TimeLimitError(limit or timedelta()))
        return report(agent, thread, await read(agent.client, thread), took_too_long)


def _begun_at(run: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(run["created_at"]))
