from pathlib import Path

VENDORS = Path(__file__).parent.parent / "vendors.txt"


def add(name, limit):
    with VENDORS.open("a") as vendors:
        vendors.write(f"{name} {limit}\n")
