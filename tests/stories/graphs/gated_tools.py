"""A plain ToolNode whose tools ask for themselves, as LangGraph's page on interrupts has it.

https://docs.langchain.com/oss/python/langgraph/interrupts#interrupts-in-tools
"""

from langchain.tools import tool
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from stories.outside import outside


@tool
def send_email(to: str, subject: str, body: str) -> str:
    """Send an email to a recipient."""
    response = interrupt(
        {
            "action": "send_email",
            "to": to,
            "subject": subject,
            "body": body,
            "message": "Approve sending this email?",
        }
    )
    if response.get("action") == "approve":
        final_to = response.get("to", to)
        final_subject = response.get("subject", subject)
        final_body = response.get("body", body)
        outside.do(f"email {final_subject} to {final_to}")
        return f"Email sent to {final_to} with subject '{final_subject}': {final_body}"
    return "Email cancelled by user"


def agent(state: MessagesState) -> MessagesState:
    """A model without a provider: it writes to everybody whom it was told, then tells what became of it."""
    last = state["messages"][-1]
    if last.type == "human":
        people = str(last.content).split()
        calls = [_call(number, person) for number, person in enumerate(people)]
        return {"messages": [AIMessage("", tool_calls=calls)]}
    told = [str(each.content) for each in state["messages"] if each.type == "tool"]
    return {"messages": [AIMessage("; ".join(told))]}


def _call(number: int, person: str) -> dict[str, object]:
    args = {"to": f"{person}@example.com", "subject": f"Hello {person}", "body": "See you at ten."}
    return {"name": "send_email", "args": args, "id": f"call-{number}"}


builder = StateGraph(MessagesState)
builder.add_node(agent)
builder.add_node("tools", ToolNode([send_email]))
builder.add_edge(START, "agent")
builder.add_conditional_edges("agent", tools_condition)
builder.add_edge("tools", "agent")
graph = builder.compile()
