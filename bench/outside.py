"""What the measured graph leaves behind: a graph that is loaded by path is a module of its own, this one is shared."""

import os
import time
from typing import Any

FILE = "BENCH_DONE"
"""The environment variable that names the file in which a process of its own notes what its graphs did."""

SECONDS = "BENCH_STEP_SECONDS"
"""The environment variable that says how long that takes."""

done: dict[str, float] = {}
"""Threads whose graph ran the node after its interrupt, with `time.perf_counter()` of that moment."""


def act(thread: str, request: str) -> None:
    """Note that a graph did what was approved; in the file also what it was asked, one line each time."""
    time.sleep(float(os.environ.get(SECONDS, "0")))
    done[thread] = now = time.perf_counter()
    if file := os.environ.get(FILE):
        with open(file, "a", encoding="utf-8") as notes:  # noqa: PTH123 - one write to the end of the file
            notes.write(f"{now} {request}\n")


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
