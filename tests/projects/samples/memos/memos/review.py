from dataclasses import dataclass, field
from typing import Any

from langgraph.graph import StateGraph
from langgraph.types import interrupt


@dataclass
class Memo:
    text: str = field(default="example")


async def human_node(state: Memo) -> dict[str, Any]:
    request = {
        "action_request": {"action": "Send memo", "args": {"to": "everybody", "text": state.text.capitalize()}},
        "config": {"allow_ignore": True, "allow_respond": False, "allow_edit": True, "allow_accept": True},
        "description": "# Memo\nPlease read the memo, and **decide**.",
    }
    answer = interrupt([request])[0]
    if answer["type"] == "ignore":
        return {}
    memo = answer["args"]["args"] if answer["type"] == "edit" else request["action_request"]["args"]
    with open("sent.txt", "a") as sent:
        sent.write(f"{memo['text']}\n")
    return {"text": f"Sent to {memo['to']}."}


workflow = StateGraph(Memo)
workflow.add_node("human_node", human_node)
workflow.add_edge("__start__", "human_node")
graph = workflow.compile()
graph.name = "Memos"
