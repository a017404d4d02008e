"""Writes down what is there in the end: the audit, the messages, and the work that is left."""

from pathlib import Path
from typing import Any

import redis.asyncio

from adapters.localslack import LocalSlack
from adapters.redis import mailbox
from adapters.redis.keys import Keys
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.transport.connection import Database
from bench.chaos.people import Crowd, Gate, gate_of, is_live, text_of
from bench.chaos.recorder import Recorder
from engine.approvals.audit import Entry, What
from engine.ids import ApprovalId, ThreadId


class Witness:
    """Knows who is who, and which request is which gate."""

    def __init__(self, slack: LocalSlack, crowd: Crowd, recorder: Recorder, redis_url: str) -> None:
        self._slack, self._crowd, self._recorder, self._redis_url = slack, crowd, recorder, redis_url
        self._names = {each.id: each.name for each in slack.workspace.state.people.values()}

    async def work_left(self) -> tuple[list[ThreadId], int]:
        """List the threads of the lanes that hold work, and count the work that was given up."""
        async with redis.asyncio.Redis.from_url(self._redis_url) as client:
            mail = [each.decode() async for each in client.scan_iter("signoff:*:mail:*", count=1_000)]
            return [mailbox.lane_of_box(each).thread for each in mail], await client.hlen(Keys().dead())

    async def open_gates(self) -> list[Gate]:
        """List the gates that can still be decided."""
        return [each for each in self._crowd.gates if self._crowd.board.live(each)]

    async def write(self, ledger: Path) -> None:
        """Write everything down."""
        self._crowd.board.look()
        await self._audit()
        self._messages()
        with ledger.open(encoding="utf-8") as ran, self._recorder.file.open("a", encoding="utf-8") as facts:
            facts.writelines(ran)
        threads, dead = await self.work_left()
        for thread in dict.fromkeys(threads):
            self._recorder.fact("left", case=self._case(thread))
        self._recorder.fact("end", waiting=len(threads), dead=dead)

    async def _audit(self) -> None:
        async with Database.from_url(self._redis_url) as database:
            audit, approvals = RedisAudit(database, Keys()), RedisApprovals(database, Keys())
            async for thread in audit.threads():
                for place, row in enumerate(await audit.of_thread(thread)):
                    self._row(await self._gate(row.approval, approvals), place, row)

    async def _gate(self, approval: ApprovalId, approvals: RedisApprovals) -> str:
        """Find the gate of a request by its card, or by what is stored of it: not every one had a card with buttons."""
        seen = self._crowd.board.approvals
        if approval not in seen:
            seen[approval] = gate_of(str(await approvals.ask(approval)))
        return seen[approval]

    def _case(self, thread: ThreadId) -> str:
        return self._crowd.threads[thread.rpartition(":")[2]]

    def _row(self, gate: str, place: int, row: Entry) -> None:
        detail: Any = row.detail if isinstance(row.detail, dict) else {}
        value = detail.get("text") if row.what is What.ANSWERED else None
        if row.what is What.EDITED:
            value = detail["value"]["amount"]
        who = None if row.who is None else self._names[row.who]
        self._recorder.fact(
            "row", gate=gate, approval=row.approval,
            place=place, what=row.what.value, who=who,
            choice=detail.get("choice", ""), value=value, why=detail.get("refusal", ""),
        )  # fmt: skip

    def _messages(self) -> None:
        board = self._crowd.board
        for gate, messages in (*board.messages.items(), *board.copies.items()):
            for channel, ts in messages:
                if (message := channel.messages.get(ts)) is not None and "bot_id" in message:
                    self._recorder.fact("card", gate=gate, text=text_of(message), live=is_live(message))
        for channel in self._slack.workspace.state.channels.values():
            for message in channel.messages.values():
                if "bot_id" in message and (case := self._crowd.threads.get(message.get("thread_ts", ""))):
                    self._recorder.fact("said", case=case, text=text_of(message))
            for user, message in channel.ephemeral.values():
                if case := self._crowd.threads.get(message.get("thread_ts", "")):
                    self._recorder.fact("told", case=case, by=self._names[user], text=text_of(message))
