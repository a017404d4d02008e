"""The files that docs/policies.md shows: its stories and its pictures run them as they stand there."""

import re
from pathlib import Path

from stories.world import World

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_QUICKSTART = "From the quickstart to an on-call gate"


def _sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def quickstart() -> dict[str, str]:
    """The agent, its `app.yaml` and the schedule of the first section."""
    text = _sections()[_QUICKSTART].partition("\n---\n")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    app, schedule = _BLOCK.findall(text)
    return {"ops.py": code, "app.yaml": app, "schedule": schedule}


def files() -> dict[str, str]:
    """The `app.yaml` of each other section: what it shows, with the agent that the page names before."""
    sections = _sections()
    (agent,) = _BLOCK.findall(sections.pop(_QUICKSTART).partition("\n---\n")[2])
    return {
        name: agent + block + "slack: {mode: socket}\nhttp: {port: 0}\n"
        for name, text in sections.items()
        for block in _BLOCK.findall(text)
    }


async def start(world: World, section: str) -> None:
    """Start the bot on the file of a section."""
    (world.folder / "app.yaml").write_text(files()[section], encoding="utf-8")
    await world.run()
