from pathlib import Path

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

POSTS = Path(__file__).parent.parent / "posts.txt"


class WriterState(MessagesState):
    post: str


def collect(state: MessagesState):
    return {"messages": [AIMessage("The bakery opens on Sunday.", name="researcher")]}


def write(state: WriterState):
    return {"post": "Fresh bread from Sunday on!"}


def post(state: WriterState):
    text = interrupt({"text_to_revise": state["post"], "instruction": "Post this?"})
    if not isinstance(text, str):
        text = text["edited_text"]
    with POSTS.open("a") as posts:
        posts.write(text + "\n")
    return {"messages": [AIMessage(f"Posted at nine: {text}", name="writer")]}


researcher = StateGraph(MessagesState).add_node(collect).add_edge(START, "collect").compile(name="researcher")
writer = (
    StateGraph(WriterState)
    .add_node(write)
    .add_node(post)
    .add_edge(START, "write")
    .add_edge("write", "post")
    .compile(name="writer")
)
