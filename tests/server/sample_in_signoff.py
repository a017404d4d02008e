"""Makes an app.yaml in this folder, and runs the first message of each agent as Signoff does; prints what is asked.

A process of its own: what a project imports stays in it.
"""

import asyncio
import contextlib
import json
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.opening import OpenAgent
from bot.cli import invoke
from bot.commands.demo import demo_config
from bot.commands.environment import enter
from engine.ids import AgentName, ChannelId, ThreadId, UserId
from engine.ports import Turn


async def asked(texts: dict[str, str]) -> dict[str, Any]:
    """Say each text to the agent whose `graph:` has a part; gives the inputs and the questions by `graph:`."""
    config = demo_config(Path("app.yaml"), Path(".signoff"), dict(os.environ))
    enter(config.project)
    found, inputs, files = {}, {}, set[str]()
    for number, (part, text) in enumerate(texts.items()):
        entry = next(each for each in config.agents.values() if part in (each.graph or ""))
        spec = AgentSpec(entry.graph or "", config.base, entry.input, context=entry.context)
        turn = Turn(ThreadId(f"T0:C0:{number}"), AgentName("a"), "1", text, UserId("U0"), ChannelId("C0"), frozenset())
        async with AsyncExitStack() as stack:
            opened = await OpenAgent.open(spec, InMemorySaver(), stack, files, InMemoryStore())
            agent = await stack.enter_async_context(opened.for_run(turn.user, turn.thread))
            (given, _), context = agent.input_of(turn, again=False), agent.context_of(turn.user, turn.thread)
            result = await agent.graph.ainvoke(given, {"configurable": {"thread_id": turn.thread}}, context=context)
        interrupts = result["__interrupt__"]
        inputs[spec.graph], found[spec.graph] = given, [to_json(each.value).value for each in interrupts]
    return {"asked": found, "inputs": inputs, "names": sorted(config.project.env if config.project else ())}


def main(texts: dict[str, str]) -> dict[str, Any]:
    """Init, run, and look at the modules."""
    if invoke(["init"]) != 0:
        raise SystemExit(1)
    result = asyncio.run(asked(texts))
    from server.sample_probe import seen  # noqa: PLC0415 - not while the project is being imported

    return {**result, **seen(result["names"])}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        answer = main(json.loads(sys.argv[1]))
    json.dump(answer, sys.stdout)
