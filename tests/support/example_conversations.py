"""A conversation with one of the example agents, held as the bot holds it: answers go by the id of their interrupt."""

import importlib.util
import sys
from pathlib import Path
from typing import Any, Self

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> Any:
    """Return the `graph` of an example file, loaded by path with its folder importable only meanwhile."""
    spec = importlib.util.spec_from_file_location(f"loaded_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(EXAMPLES))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(EXAMPLES))
    return module.graph


class Conversation:
    """One thread of an agent that starts afresh, with its own fleet and its own checkpoints."""

    def __init__(self, name: str) -> None:
        self.graph = load(name).copy(update={"checkpointer": InMemorySaver()})
        self.config = {"configurable": {"thread_id": "1"}}
        self.state: dict[str, Any] = {}

    async def say(self, text: str) -> Self:
        self.state = await self.graph.ainvoke({"messages": [{"role": "user", "content": text}]}, self.config)
        return self

    async def answer(self, value: Any) -> Self:
        (pending,) = self.state["__interrupt__"]
        self.state = await self.graph.ainvoke(Command(resume={pending.id: value}), self.config)
        return self

    @property
    def asked(self) -> Any:
        """The value of the one interrupt that is pending."""
        (pending,) = self.state["__interrupt__"]
        return pending.value

    @property
    def waits(self) -> bool:
        return bool(self.state.get("__interrupt__"))

    @property
    def reply(self) -> str:
        """The final answer; there is none while the agent waits."""
        assert not self.waits, f"still asking {self.asked}"
        return str(self.state["messages"][-1].content)
