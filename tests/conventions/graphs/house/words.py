"""The words that people may use, and their keys."""

from typing import Final

KEY: Final = "entscheidung"
REASON_KEY: Final = "begruendung"
GRANTED: Final = frozenset({"freigegeben", "ok"})
DENIED: Final = frozenset({"verweigert", "nein"})
