"""`create_agent` with LangChain's human-in-the-loop middleware, one interrupt for all tool calls of a message.

https://docs.langchain.com/oss/python/langchain/human-in-the-loop
"""

from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.agents.middleware.human_in_the_loop import InterruptOnConfig
from langchain.tools import tool
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from stories.outside import outside


class Scripted(BaseChatModel):
    """Calls all three tools at once, then tells what they said."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        if last.type == "human":
            message = AIMessage("", tool_calls=CALLS)
        else:
            answers = [f"{each.name}: {each.content}" for each in messages if each.type == "tool"]
            message = AIMessage("; ".join(sorted(answers)))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, *_: Any, **__: Any) -> "Scripted":
        return self


CALLS = [
    {"name": "write_file", "args": {"path": "notes.txt", "text": "hello"}, "id": "call-1"},
    {"name": "run_sql", "args": {"query": "DELETE FROM users"}, "id": "call-2"},
    {"name": "send_mail", "args": {"to": "all@example.com"}, "id": "call-3"},
]


@tool
def write_file(path: str, text: str) -> str:
    """Write a file."""
    outside.do(f"write {path}: {text}")
    return "written"


@tool
def run_sql(query: str) -> str:
    """Run a statement."""
    outside.do(f"run {query}")
    return "run"


@tool
def send_mail(to: str) -> str:
    """Send a mail."""
    outside.do(f"mail {to}")
    return "sent"


ASK: InterruptOnConfig = {"allowed_decisions": ["approve", "edit", "reject"]}
graph = create_agent(
    model=Scripted(),
    tools=[write_file, run_sql, send_mail],
    middleware=[
        HumanInTheLoopMiddleware(
            interrupt_on={"write_file": ASK, "run_sql": ASK, "send_mail": ASK}, interrupt_mode="batched"
        )
    ],
)
