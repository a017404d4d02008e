from pathlib import Path

LOG = Path(__file__).parent.parent / "vans.log"


def recall(van: str, depot: str) -> None:
    LOG.write_text(f"{van} to {depot}\n")
