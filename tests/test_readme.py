"""What the README says is what the code says."""

import re
from pathlib import Path

from adapters.localslack.state import people_file
from bot.config.load import load
from engine.machine.diagram import mermaid

README = Path(__file__).parent.parent / "README.md"


def test_the_diagram_is_drawn_from_the_table() -> None:
    assert f"```mermaid\n{mermaid()}\n```" in README.read_text()


def test_its_app_yaml_is_a_configuration(tmp_path: Path) -> None:
    """Every key that it shows is one."""
    shown = re.search(r"```yaml\n(agents:.*?)```", README.read_text(), re.DOTALL)
    assert shown is not None
    file = tmp_path / "app.yaml"
    file.write_text(shown[1])
    secrets = {
        "SLACK_BOT_TOKEN": "xoxb-1-1-abc",
        "SLACK_APP_TOKEN": "xapp-1-1-abc",
        "LANGGRAPH_API_KEY": "key",
        "PAGERDUTY_TOKEN": "key",
    }
    assert set(load(file, secrets).agents) == {"deploy", "research"}


def test_the_people_file_that_the_docs_show_can_be_read(tmp_path: Path) -> None:
    shown = re.search(
        r"```yaml\n(people:.*?)```", (README.parent / "docs" / "local_workspace.md").read_text(), re.DOTALL
    )
    assert shown is not None
    file = tmp_path / "people.yaml"
    file.write_text(shown[1])
    assert [each.handle for each in people_file.load(file).groups] == ["sre", "managers"]
