"""What the measured graph leaves behind: a graph that is loaded by path is a module of its own, this one is shared."""

from typing import Any

done: dict[str, float] = {}
"""Threads whose graph ran the node after its interrupt, with `time.perf_counter()` of that moment."""


def payload(request: str) -> dict[str, Any]:
    """What the measured graph asks: a tool call about as large as real ones are."""
    arguments = {
        "service": "billing",
        "version": "2.4.1",
        "environment": "production",
        "replicas": 4,
        "strategy": {"kind": "rolling", "max_unavailable": 1, "pause_seconds": 30},
        "note": request,
    }
    return {
        "action_requests": [{"name": "deploy_service", "args": arguments}],
        "review_configs": [{"action_name": "deploy_service", "allowed_decisions": ["approve", "edit", "reject"]}],
    }
