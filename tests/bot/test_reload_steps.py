"""The two steps of a reload: what was prepared last takes effect, or nothing does."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.config.load import load
from bot.config.settings import Config
from bot.runtime.clock import SYSTEM_CLOCK
from bot.runtime.reload import Reload
from bot.runtime.shared_names import SharedNames
from bot.telemetry import Metrics

ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}
APP = "agents: {a: {graph: agent.py:graph, channels: ['#a']}}\n"


@dataclass
class Rules:
    """What a text would put in force, in `now`; a slow one is prepared when `go` is set."""

    now: list[str]
    closed: list[str]
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def prepare(self, config: Config, _: SharedNames | None) -> "_Ready":
        text = config.file.name
        if text == "slow":
            await self.go.wait()
        return _Ready(self, text)


@dataclass
class _Ready:
    rules: Rules
    text: str

    def take_effect(self) -> None:
        self.rules.now.append(self.text)

    async def tidy_up(self) -> None:
        self.rules.closed.append(self.text)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "app.yaml"
    file.write_text(APP)
    return load(file, ENVIRON)


@pytest.mark.promise("P6")
@pytest.mark.parametrize("later", ["new", ""], ids=["another text", "a refusal"])
async def test_a_text_that_nobody_waits_for_any_more_takes_no_effect(config: Config, later: str) -> None:
    """A supervisor waits a minute; Slack may take longer. By then another text may be prepared, or this one refused."""
    rules = Rules([], [])
    reload = Reload(config=config, read=lambda: config, prepare=rules.prepare, clock=SYSTEM_CLOCK, metrics=Metrics())

    def named(name: str) -> Config:
        return replace(config, file=Path(name))

    slow = asyncio.create_task(reload.prepare(lambda: named("slow")))
    await asyncio.sleep(0)
    if later:
        assert not await reload.prepare(lambda: named(later))
    else:
        await reload.discard(1)
    rules.go.set()
    (problem,) = await slow
    assert "meanwhile" in str(problem)
    assert rules.closed == ["slow"]
    if later:
        await reload.take_effect()
        assert rules.now == ["new"]
    else:
        with pytest.raises(AssertionError, match="nothing was prepared"):
            await reload.take_effect()
