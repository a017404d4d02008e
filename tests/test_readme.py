"""What the README says is what the code says."""

from pathlib import Path

from engine.diagram import mermaid

README = Path(__file__).parent.parent / "README.md"


def test_the_diagram_is_drawn_from_the_table() -> None:
    assert f"```mermaid\n{mermaid()}\n```" in README.read_text()
