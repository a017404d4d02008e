"""A process that serves lanes and writes into a journal what it does: `lane_worker.py URL LEASE WORKERS JOURNAL`.

One line for each `begin` and `end`: what, text, attempt, fence, process, lane. A message "hang" ends only when the file
`JOURNAL.go` is there; "slow" takes 3 s.
"""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

from contracts.waiting import wait_until

from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.transport.connection import Database
from engine.approvals.effects import Say
from engine.ports import Work


async def serve(url: str, lease: float, journal: Path) -> None:
    def write(what: str, text: str, work: Work) -> None:
        line = f"{what} {text} {work.attempt} {work.fence} {os.getpid()} {work.lane}\n"
        with journal.open("a") as file:
            file.write(line)

    async def handle(work: Work) -> None:
        assert isinstance(work.effect, Say)
        text = work.effect.text
        write("begin", text, work)
        if text == "hang":
            await wait_until(journal.with_suffix(".go").exists)
        await asyncio.sleep(3 if text == "slow" else 0.001)
        write("end", text, work)

    leased = timedelta(seconds=lease)
    async with Database.from_url(url) as database:
        await RedisLanes(database, Keys(), url, lease=leased).serve(handle)


async def main(url: str, lease: str, workers: str, journal: str) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(int(workers)):
            group.create_task(serve(url, float(lease), Path(journal)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
