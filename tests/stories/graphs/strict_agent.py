"""An agent of `create_agent` whose model refuses what real providers refuse, with a tool that a story can break."""

from collections.abc import Sequence

from fakes.strict_model import StrictModel
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.tools import tool
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from stories.outside import outside


@tool
async def move(what: str) -> str:
    """Move something."""
    outside.try_step("the move")
    if what == "hang":
        await outside.door("hang").wait()
    outside.do(f"move {what}")
    return f"moved {what}"


@tool
def delete(what: str) -> str:
    """Delete something, when somebody approved it."""
    outside.do(f"delete {what}")
    return f"deleted {what}"


def script(messages: Sequence[BaseMessage]) -> AIMessage:
    last = messages[-1]
    name, _, what = str(last.content).partition(" ")
    if last.type == "human" and name in ("move", "delete"):
        return AIMessage("", tool_calls=[{"name": name, "args": {"what": what}, "id": "call-1"}])
    results = [str(each.content) for each in messages if isinstance(each, ToolMessage)]
    return AIMessage(f"I know: {results}")


graph = create_agent(
    StrictModel(script=script), tools=[move, delete], middleware=[HumanInTheLoopMiddleware({"delete": True})]
)
