"""Sums up what `CONVENTIONS_TABLE=FILE pytest tests/conventions` wrote: `python tests/conventions/figures.py FILE...`.

Several files stand side by side, so that one can see what a change of the reader did.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Row = Mapping[str, str]
FIGURES: Mapping[str, Callable[[Row], bool]] = {
    "Approve as meant": lambda row: row["approve"] == "as meant",
    "Approve not offered": lambda row: row["approve"] == "not offered",
    "Approve does something else": lambda row: row["approve"] not in ("as meant", "not offered", "raised"),
    "done although refused": lambda row: "DONE" in row["reject"],
    "done because of words": lambda row: "DONE" in row["words"],
    "Edit as meant": lambda row: row.get("edit") == "as meant",
    "Edit not offered": lambda row: row.get("edit", "").startswith("not offered"),
    "Edit lost": lambda row: "edit" in row and row["edit"] != "as meant" and not row["edit"].startswith("not offered"),
    "reason reaches the node": lambda row: row.get("reason") == "as meant",
    "reason lost": lambda row: "reason" in row and row["reason"] != "as meant",
    "further choice as meant": lambda row: row.get("further") == "as meant",
    "words reach the node": lambda row: row.get("answer") == "as meant",
    "raised because of what was sent": lambda row: any("raised" in each for each in row.values()),
    "the rejection stopped the run": lambda row: row["reject"] == "run stopped",
}


def rows(file: Path) -> Sequence[Row]:
    """The table of one run."""
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return list({row["graph"]: row for row in found}.values())


def main(files: Sequence[str]) -> None:
    """Print the figures, a column for each file, and then what is not as meant in the last one."""
    tables = [rows(Path(each)) for each in files]
    lines = [f"| {' | '.join(['', *(Path(each).stem for each in files)])} |", f"|{'---|' * (len(files) + 1)}"]
    lines.append(f"| graphs | {' | '.join(str(len(each)) for each in tables)} |")
    for name, holds in FIGURES.items():
        lines.append(f"| {name} | {' | '.join(str(sum(map(holds, each))) for each in tables)} |")
    for row in tables[-1]:
        amiss = [f"{choice}: {said}" for choice, said in row.items() if choice != "graph" and said != "as meant"]
        lines += [f"- {row['graph']}: {'; '.join(amiss)}"] if amiss else []
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
