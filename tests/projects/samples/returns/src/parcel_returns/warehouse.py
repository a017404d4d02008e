"""Labels are printed by the warehouse; in development they land in a file."""

from pathlib import Path

LABELS = Path(__file__).parents[2] / "labels.txt"


def print_label(order: str) -> str:
    with LABELS.open("a") as file:
        file.write(f"label {order}\n")
    return f"RET-{order}"
