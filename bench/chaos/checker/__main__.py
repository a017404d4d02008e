"""`python -m bench.chaos.checker HISTORY` prints each broken rule with the lines that prove it; 1 if any is broken."""

import sys
from pathlib import Path

from bench.chaos.checker.history import HistoryError, read
from bench.chaos.checker.rules import broken


def main(path: str) -> int:
    """Check one file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    try:
        found = broken(read(lines))
    except HistoryError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    for each in found:
        print(each)
        print(*(f"    {number}: {lines[number - 1]}" for number in each.lines), sep="\n")
    print(f"{len(lines)} facts, {len(found)} broken rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
