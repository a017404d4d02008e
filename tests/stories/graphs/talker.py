"""An agent whose model speaks word by word, and waits in between until the story opens a door."""

from collections.abc import AsyncIterator
from typing import Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langgraph.graph import END, START, MessagesState, StateGraph
from stories.outside import outside

FIRST, REST = "Rolling out **billing**", " took four minutes."


class Model(GenericFakeChatModel):
    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(content=FIRST))
        await outside.door("half").wait()
        yield ChatGenerationChunk(message=AIMessageChunk(content=f" ({messages[-1].content})"))
        await outside.door("rest").wait()
        yield ChatGenerationChunk(message=AIMessageChunk(content=REST))


async def research(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    await outside.door("research").wait()
    return {"messages": []}


async def speak(state: MessagesState) -> MessagesState:
    said = await Model(messages=iter([AIMessage("")])).ainvoke(state["messages"])
    outside.try_step("speak")
    return {"messages": [said]}


builder = StateGraph(MessagesState)
builder.add_node(research)
builder.add_node(speak)
builder.add_edge(START, "research")
builder.add_edge("research", "speak")
builder.add_edge("speak", END)
graph = builder.compile()
