"""What docs/check.md shows is what `signoff check` prints."""

import re
from pathlib import Path

from bot.checks import interrupts as foreseen
from bot.config.load import load
from bot.wiring.probes import probes
from engine.ids import AgentName

PAGE = Path(__file__).parents[2] / "docs" / "check.md"
SERVICES = "model = mail = None\n"


async def printed(folder: Path) -> str:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    (folder / "services.py").write_text(SERVICES)
    (folder / "team.py").write_text(code[1])
    (folder / "app.yaml").write_text("agents: {team: {graph: 'team.py:graph', channels: ['#team']}}\n")
    config = load(folder / "app.yaml", {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"})
    loaded = await probes().graph(config, AgentName("team"))
    return "\n".join(foreseen.table({"team": loaded.interrupts})).strip()


async def test_its_example_is_real(tmp_path: Path) -> None:
    shown = re.search(r"```text\n(.*?)\n```", PAGE.read_text(), re.DOTALL)
    assert shown is not None
    assert shown[1] == await printed(tmp_path)
