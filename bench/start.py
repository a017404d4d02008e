"""From the shell to `ready`: `signoff demo` on an empty folder, in a process of its own."""

import asyncio
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.slack import ROOT
from bench.table import Bench

PATIENCE = 60.0


async def measure(bench: Bench) -> None:
    """Start it, and stop it as soon as it serves. The first start compiles, and does not count."""
    with TemporaryDirectory(prefix="bench-") as folder:
        await _seconds(Path(folder))
    for _ in range(bench.runs):
        with TemporaryDirectory(prefix="bench-") as folder:
            bench.table.add("cold start of `signoff demo`", await _seconds(Path(folder)), unit="s", aim="1.5 s")


async def _seconds(folder: Path) -> float:
    began = time.perf_counter()
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--no-browser", "--port", "0", "--data", str(folder)),
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "SIGNOFF_"))},
            "PYTHONDONTWRITEBYTECODE": "",  # as where it is installed: pip compiles
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert demo.stdout is not None  # noqa: S101 - it was made with a pipe
    try:
        async with asyncio.timeout(PATIENCE):
            line = await demo.stdout.readline()
        seconds = time.perf_counter() - began
    finally:
        if demo.returncode is None:
            demo.terminate()
        await demo.wait()
    if not line.startswith(b"ready "):
        raise RuntimeError("`signoff demo` ended before it was ready: run it by hand to see why")
    return seconds
