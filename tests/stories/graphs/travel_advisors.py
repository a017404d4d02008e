"""Agents of `create_agent` that hand over to one another by a tool, and one human node: a conversation of many turns.

https://langchain-ai.github.io/langgraph/how-tos/multi-agent-multi-turn-convo
"""

from typing import Annotated, Any, Literal

from langchain.agents import create_agent
from langchain.tools import BaseTool, tool
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import InjectedToolCallId
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState
from langgraph.types import Command, interrupt


class Scripted(BaseChatModel):
    """Hands over when it hears the word for it, and tells what it heard otherwise."""

    word: str
    other: str

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        heard = str(next(each for each in reversed(messages) if each.type == "human").content)
        if self.word in heard and messages[-1].type == "human":
            call = {"name": f"transfer_to_{self.other}", "args": {}, "id": f"call-{len(messages)}"}
            message = AIMessage("", tool_calls=[call])
        else:
            message = AIMessage(f"I heard: {heard}")
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, *_: Any, **__: Any) -> "Scripted":
        return self


def make_handoff_tool(*, agent_name: str) -> BaseTool:
    """Make a tool that hands over to another agent, with all that was said so far."""
    name = f"transfer_to_{agent_name}"

    @tool(name)
    def handoff_to_agent(
        state: Annotated[dict[str, Any], InjectedState],
        tool_call_id: Annotated[str, InjectedToolCallId],
    ) -> Command[Any]:
        """Ask another agent for help."""
        tool_message = ToolMessage(f"Successfully transferred to {agent_name}", name=name, tool_call_id=tool_call_id)
        return Command(goto=agent_name, graph=Command.PARENT, update={"messages": [*state["messages"], tool_message]})

    return handoff_to_agent


travel_advisor = create_agent(
    Scripted(word="hotel", other="hotel_advisor"),
    [make_handoff_tool(agent_name="hotel_advisor")],
    name="travel_advisor",
)
hotel_advisor = create_agent(
    Scripted(word="beach", other="travel_advisor"),
    [make_handoff_tool(agent_name="travel_advisor")],
    name="hotel_advisor",
)


def call_travel_advisor(state: MessagesState) -> Command[Literal["hotel_advisor", "human"]]:
    response = travel_advisor.invoke({"messages": [*state["messages"]]})
    return Command(update=response, goto="human")


def call_hotel_advisor(state: MessagesState) -> Command[Literal["travel_advisor", "human"]]:
    response = hotel_advisor.invoke({"messages": [*state["messages"]]})
    return Command(update=response, goto="human")


def human_node(state: MessagesState) -> Command[Literal["hotel_advisor", "travel_advisor"]]:
    """Collect the person's words, and go back to the agent that was active."""
    user_input = interrupt(value="Ready for user input.")
    active_agent: Any = next(each.name for each in reversed(state["messages"]) if each.type == "ai" and each.name)
    return Command(update={"messages": [{"role": "human", "content": user_input}]}, goto=active_agent)


builder = StateGraph(MessagesState)
builder.add_node("travel_advisor", call_travel_advisor)
builder.add_node("hotel_advisor", call_hotel_advisor)
builder.add_node("human", human_node)
builder.add_edge(START, "travel_advisor")
graph = builder.compile()
