"""The drawing of a card whose work is cancelled: it is given time, and it is never left behind."""

import asyncio
from typing import Any

import pytest
from contracts.office import Office, office
from contracts.samples import an_approval
from contracts.waiting import wait_until

from engine.approvals.effects import DrawCard, lane_of
from engine.ids import MessageTs
from engine.ports import Work


class SlackThatTakesLong:
    """Slack, which answers when it is let go."""

    def __init__(self) -> None:
        self.asked, self.is_left = 0, False
        self.answers = asyncio.Event()

    async def draw(self, *_: Any) -> MessageTs:
        """Answer late."""
        self.asked += 1
        try:
            await self.answers.wait()
        finally:
            self.is_left = True
        return MessageTs("1.000100")


@pytest.fixture
async def slow(monkeypatch: pytest.MonkeyPatch) -> tuple[Office, SlackThatTakesLong]:
    room, slack = office(), SlackThatTakesLong()
    monkeypatch.setattr(room.chat, "draw", slack.draw)
    return room, slack


async def begun(room: Office, slack: SlackThatTakesLong) -> tuple["asyncio.Task[None]", DrawCard]:
    draw = DrawCard(await room.ask(an_approval()))
    task = asyncio.create_task(room.outboxes[0].perform(Work("draw", lane_of(draw), draw, 1, 1)))
    await wait_until(lambda: slack.asked == 1)
    return task, draw


@pytest.mark.promise("P8")
async def test_a_card_that_is_being_posted_is_stored_though_its_work_is_cancelled(
    slow: tuple[Office, SlackThatTakesLong],
) -> None:
    room, slack = slow
    task, draw = await begun(room, slack)
    task.cancel()
    slack.answers.set()
    await asyncio.wait({task})
    assert task.cancelled()
    assert (await room.kept(draw.approval)).card == "1.000100"


async def test_a_drawing_is_ended_where_its_work_is_cancelled_twice(slow: tuple[Office, SlackThatTakesLong]) -> None:
    room, slack = slow
    task, _ = await begun(room, slack)
    task.cancel()
    await wait_until(lambda: task.cancelling() == 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert slack.is_left
