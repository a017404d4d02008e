"""Clients that hide what is done."""
from typing import Any

from effects import effect, say


class Outbox:
    def __init__(self, graph: str) -> None:
        self.graph = graph

    def _post(self, what: str, **data: Any) -> None:
        effect(self.graph, what, **data)

    def delete_draft(self, ident: str) -> None:
        self._post("not done", value=f"draft {ident} deleted")

    def send_cancellation(self, ident: str, reason: str) -> None:
        self._post("not done", value=ident, said=reason)

    def refund(self, ident: str, amount: int) -> None:
        self._post("not done", value=amount)


def finish(graph: str, approved: bool, text: str) -> dict:
    effect(graph, "done" if approved else "not done", text)
    return say("Published." if approved else "Kept back.")


class Ledger:
    def append(self, graph: str, amount: float) -> None:
        effect(graph, "done" if amount else "not done", amount)


ledger = Ledger()
