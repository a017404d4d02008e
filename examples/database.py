"""A database agent: looks a database up and restarts it, as soon as its model says so.

It is LangChain's `create_agent` as in the tutorials: no middleware, no `interrupt()`, nothing that waits for
a person. What makes it safe to run is `app.yaml`: `gate_tools` stops `restart_database` before it starts, and a rule
says that the person on call decides. See docs/gates.md and docs/policies.md.

The graph is exported without a checkpointer; the program that runs it adds one.

Try: `the orders database hangs, please restart it` · `how is stock doing?`
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph.state import CompiledStateGraph
from pydantic import Field
from signoff_examples_databases import DATABASES, Database, Databases, kept_databases
from signoff_examples_models import chat_model

INSTRUCTIONS = f"""\
You look after the databases {", ".join(DATABASES)}. Look a database up before you restart it. Restart one only when \
somebody asks for it, and never again when the restart was refused. Afterwards say shortly what was done, or why not."""

HELP = f"""\
I look after the databases {", ".join(DATABASES)}, and can restart them. You can say:
• the orders database hangs, please restart it
• how is stock doing?"""
RESTART = re.compile(r"(?i)\b(restart|reboot|bounce|hangs?|stuck|kick)\b")
THE_ONES = re.compile(rf"(?i)\b({'|'.join(DATABASES)})\b")
THANKS = re.compile(r"(?i)\b(thanks|thank you|cheers)\b")


def tools_for(databases: Databases) -> list[BaseTool]:
    """Return the two tools."""

    @tool
    def get_health(database: Database) -> str:
        """Say how a database is doing."""
        return databases.health(database)

    @tool
    def restart_database(
        database: Database,
        drain_seconds: Annotated[int, Field(ge=0, le=600, description="How long open queries may finish first")] = 30,
    ) -> str:
        """Restart a database. It takes no queries meanwhile."""
        databases.restart(database)
        return f"{database} was restarted after {drain_seconds} s. {databases.health(database)}"

    return [get_health, restart_database]


def script(messages: Sequence[BaseMessage]) -> AIMessage:
    """Stand in for a model: look the database up, restart it if that was asked for, and report what came of it."""
    asked = next(str(each.text) for each in reversed(messages) if isinstance(each, HumanMessage))
    last = messages[-1]
    if not isinstance(last, ToolMessage):
        named = THE_ONES.findall(asked)
        if not named:
            return AIMessage("You are welcome." if THANKS.search(asked) else HELP)
        return _calling("get_health", messages, database=named[0].lower())
    if last.name == "get_health" and RESTART.search(asked):
        return _calling("restart_database", messages, database=THE_ONES.findall(asked)[0].lower(), drain_seconds=30)
    return AIMessage(str(last.content))


def _calling(name: str, messages: Sequence[BaseMessage], **args: object) -> AIMessage:
    return AIMessage("", tool_calls=[ToolCall(name=name, args=args, id=f"call_{len(messages)}", type="tool_call")])


def build() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the agent with its databases."""
    tools = tools_for(kept_databases())
    return create_agent(chat_model(script), tools=tools, system_prompt=INSTRUCTIONS, name="database")


graph = build()
