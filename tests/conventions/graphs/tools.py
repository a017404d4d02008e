"""Tools that ask before they act, and what projects put around tools so that somebody is asked."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

from effects import effect, meta, one_call, say
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from pydantic import BaseModel

# A helper that all tools go through -----------------------------------------------------------------------------------


def require_approval(action: str, details: dict[str, Any]) -> bool:
    decision = interrupt({"type": "approval_request", "action": action, "details": details})
    if isinstance(decision, dict):
        return bool(decision.get("approved"))
    return bool(decision)


@tool
def create_draft(to: str, subject: str) -> str:
    """Create a draft."""
    if not require_approval("create_draft", {"to": to, "subject": subject}):
        return "The user rejected the draft."
    effect("draft_tool", "done", to)
    return f"A draft to {to} was created."


draft_tool = one_call("create_draft", {"to": "ada@example.com", "subject": "Hi"}, [create_draft], "draft_tool")

# A payload without anything in it -------------------------------------------------------------------------------------


@tool
def buy_stock(symbol: str, quantity: int) -> str:
    """Buy shares."""
    user_response = interrupt(f"Buy {quantity} shares of {symbol}?")
    if user_response.strip().lower() == "yes":
        effect("stock_tool", "done", {"symbol": symbol, "quantity": quantity})
        return f"You bought {quantity} shares of {symbol}."
    return f"Buying of {symbol} was cancelled."


stock_tool = one_call("buy_stock", {"symbol": "MSFT", "quantity": 3}, [buy_stock], "stock_tool")

# Only above a threshold -----------------------------------------------------------------------------------------------


@tool
def transfer(amount: int, recipient: str) -> dict[str, Any]:
    """Transfer money."""
    if amount > 1000:
        approval = interrupt({"type": "approval_required", "amount": amount, "recipient": recipient})
        if approval.get("decision") != "approve":
            return {"status": "canceled", "amount": amount}
    effect("transfer_tool", "done", {"amount": amount, "recipient": recipient})
    return {"status": "success", "amount": amount}


transfer_tool = one_call("transfer", {"amount": 5000, "recipient": "Bob"}, [transfer], "transfer_tool")

# A tool that is a class -----------------------------------------------------------------------------------------------


class DropArgs(BaseModel):
    table: str


class DropTable(BaseTool):
    name: str = "drop_table"
    description: str = "Drops a table."
    args_schema: type[BaseModel] = DropArgs

    def _run(self, table: str, **kwargs: Any) -> str:
        answer = interrupt({"kind": "confirm", "table": table, "choices": ["DROP", "KEEP"]})
        if answer != "DROP":
            return f"{table} was kept."
        effect("class_tool", "done", table)
        return f"{table} was dropped."


class_tool = one_call("drop_table", {"table": "tmp_2019"}, [DropTable()], "class_tool")

# An async tool that a factory makes -----------------------------------------------------------------------------------


def page_tool(workspace: str) -> BaseTool:
    @tool
    async def update_page(title: str, content: str) -> dict[str, Any]:
        """Update a page."""
        approval = interrupt(
            {"type": "page_update", "action": {"tool": "update_page", "params": {"title": title, "content": content}}}
        )
        decisions = approval.get("decisions", [])
        if not decisions:
            return {"status": "error", "message": "No decision received"}
        decision = decisions[0]
        decision_type = decision.get("type") or decision.get("decision_type")
        if decision_type == "reject":
            effect("page_decisions", "not done", said=decision.get("message"))
            return {"status": "rejected"}
        final = title, content
        if decision_type == "edit":
            params = decision.get("edited_action", {}).get("args", {})
            final = params.get("title", title), params.get("content", content)
        effect("page_decisions", "done", {"title": final[0], "content": final[1], "workspace": workspace})
        return {"status": "success"}

    return update_page


page_decisions = one_call(
    "update_page", {"title": "Home", "content": "Welcome."}, [page_tool("team")], "page_decisions"
)

# A wrapper around tools -----------------------------------------------------------------------------------------------


def with_human(inner: BaseTool) -> BaseTool:
    @tool(inner.name, description=inner.description, args_schema=inner.args_schema)
    def call_tool_with_interrupt(config: RunnableConfig, **tool_input: Any) -> Any:
        request = {
            "action_request": {"action": inner.name, "args": tool_input},
            "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True},
            "description": "Please review the tool call",
        }
        response = interrupt([request])[0]
        if response["type"] == "accept":
            return inner.invoke(tool_input, config)
        if response["type"] == "edit":
            return inner.invoke(response["args"]["args"], config)
        if response["type"] == "response":
            effect("wrapped_tool", "text", response["args"])
            return response["args"]
        raise ValueError(f"Unsupported interrupt response type: {response['type']}")

    return call_tool_with_interrupt


@tool
def book_table(restaurant: str, people: int) -> str:
    """Book a table."""
    effect("wrapped_tool", "done", {"restaurant": restaurant, "people": people})
    return f"Booked a table for {people} at {restaurant}."


wrapped_tool = one_call("book_table", {"restaurant": "Sole", "people": 2}, [with_human(book_table)], "wrapped_tool")

# A decorator beneath @tool --------------------------------------------------------------------------------------------


def gated(function: Callable[..., str]) -> Callable[..., str]:
    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> str:
        verdict = interrupt({"tool": function.__name__, "arguments": kwargs, "options": ["allow", "deny"]})
        if verdict == "deny":
            return f"{function.__name__} was denied."
        if verdict == "allow":
            return function(*args, **kwargs)
        return f"{verdict!r} was not understood."

    return wrapper


@tool
@gated
def delete_file(path: str) -> str:
    """Delete a file."""
    effect("gated_tool", "done", path)
    return f"{path} is deleted."


gated_tool = one_call("delete_file", {"path": "/tmp/a"}, [delete_file], "gated_tool")

# A node of its own in the place of ToolNode ---------------------------------------------------------------------------


def _send_invoice(customer: str) -> str:
    effect("own_tool_node", "done", customer)
    return "sent"


TOOLS: dict[str, Callable[..., str]] = {"send_invoice": _send_invoice}


def run_tools(state: MessagesState) -> dict[str, Any]:
    results = []
    for call in state["messages"][-1].tool_calls:
        human_decision = interrupt({"tool_name": call["name"], "tool_args": call["args"], "message": "Admin approval required."})
        if not human_decision:
            results.append(ToolMessage("Admin denied the action.", tool_call_id=call["id"]))
            continue
        results.append(ToolMessage(TOOLS[call["name"]](**call["args"]), tool_call_id=call["id"]))
    return {"messages": results}


own_tool_node = one_call("send_invoice", {"customer": "ACME"}, run_tools, "own_tool_node")

# A gate before the tools ----------------------------------------------------------------------------------------------


@tool
def restart(service: str) -> str:
    """Restart a service."""
    effect("tool_gate", "done", service)
    return f"{service} is restarted."


def propose(state: MessagesState):
    if isinstance(state["messages"][-1], ToolMessage):
        return say(str(state["messages"][-1].content))
    return {"messages": [AIMessage("", tool_calls=[{"name": "restart", "args": {"service": "db"}, "id": "c"}])]}


def gate(state: MessagesState) -> Command[Literal["tools", "agent"]]:
    calls = state["messages"][-1].tool_calls
    decision = interrupt({"type": "approval", "tool_calls": [{"name": tc["name"], "args": tc["args"]} for tc in calls]})
    if isinstance(decision, dict) and decision.get("approved"):
        return Command(goto="tools")
    reason = (decision or {}).get("reason", "") if isinstance(decision, dict) else ""
    effect("tool_gate", "not done", said=reason)
    messages = [ToolMessage(f"Not approved. {reason}", tool_call_id=tc["id"], status="error") for tc in calls]
    return Command(goto="agent", update={"messages": messages})


_gated = StateGraph(MessagesState)
_gated.add_node("agent", propose)
_gated.add_node("gate", gate)
_gated.add_node("tools", ToolNode([restart], handle_tool_errors=False))
_gated.add_edge(START, "agent")
_gated.add_conditional_edges("agent", lambda s: "gate" if s["messages"][-1].tool_calls else END, ["gate", END])
_gated.add_edge("tools", "agent")
tool_gate = _gated

# Nothing where it is approved, a message where it is not --------------------------------------------------------------

RESUME_APPROVED = "approved"


def approval_node(state: MessagesState) -> dict[str, Any] | None:
    call = state["messages"][-1].tool_calls[0]
    decision = interrupt({"type": "approval_request", "device": call["args"]["device"], "write": call["args"]})
    if decision == RESUME_APPROVED:
        return None
    return {"messages": [ToolMessage("❌ User denied permission.", tool_call_id=call["id"])]}


@tool
def write_config(device: str, mtu: int) -> str:
    """Write a device's configuration."""
    effect("approval_or_none", "done", {"device": device, "mtu": mtu})
    return "written"


def ask_model(state: MessagesState):
    if isinstance(state["messages"][-1], ToolMessage):
        return say(str(state["messages"][-1].content))
    call = {"name": "write_config", "args": {"device": "sw-1", "mtu": 9000}, "id": "c"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


def after_approval(state: MessagesState) -> str:
    return "respond" if isinstance(state["messages"][-1], ToolMessage) else "write"


_device = StateGraph(MessagesState)
_device.add_node("understand", ask_model)
_device.add_node("approval", approval_node)
_device.add_node("write", ToolNode([write_config], handle_tool_errors=False))
_device.add_node("respond", ask_model)
_device.add_edge(START, "understand")
_device.add_edge("understand", "approval")
_device.add_conditional_edges("approval", after_approval, ["write", "respond"])
_device.add_edge("write", "respond")
_device.add_edge("respond", END)
approval_or_none = _device

# Is this correct? Or these fields -------------------------------------------------------------------------------------


@tool
def verify_person(name: str, birthday: str) -> str:
    """Ask a person whether this is correct."""
    human_response = interrupt({"question": "Is this correct?", "name": name, "birthday": birthday})
    if human_response.get("correct", "").lower().startswith("y"):
        verified = {"name": name, "birthday": birthday}
    else:
        verified = {
            "name": human_response.get("name", name),
            "birthday": human_response.get("birthday", birthday),
        }
    effect("verify_fields", "done", verified)
    return f"Verified: {verified}"


verify_fields = one_call("verify_person", {"name": "Ada", "birthday": "1815"}, [verify_person], "verify_fields")

# A question with choices, and the choice goes back to the model -------------------------------------------------------


@tool
def ask_choice(question: str, choice_a: str, choice_b: str) -> str:
    """Ask the user to choose."""
    answer: str = interrupt({"kind": "input_required", "question": question, "choices": [choice_a, choice_b]})
    effect("ask_choice_tool", "text", answer)
    return answer


ask_choice_tool = one_call(
    "ask_choice", {"question": "Which one?", "choice_a": "tea", "choice_b": "coffee"}, [ask_choice], "ask_choice_tool"
)


META = {
    "draft_tool": meta("done", "not done", value="ada@example.com"),
    "stock_tool": meta("done", "not done", value={"symbol": "MSFT", "quantity": 3}),
    "transfer_tool": meta("done", "not done", value={"amount": 5000, "recipient": "Bob"}),
    "class_tool": meta("done", "not done", value="tmp_2019"),
    "page_decisions": meta("done", "not done", edit={"title": "EDITED Home"}, reason=True,
                           value={"title": "Home", "content": "Welcome.", "workspace": "team"}),
    "wrapped_tool": meta("done", "not done", edit={"restaurant": "EDITED Luna"}, answer="text",
                         value={"restaurant": "Sole", "people": 2}),
    "gated_tool": meta("done", "not done", value="/tmp/a"),
    "own_tool_node": meta("done", "not done", value="ACME"),
    "tool_gate": meta("done", "not done", reason=True, value="db"),
    "approval_or_none": meta("done", "not done", value={"device": "sw-1", "mtu": 9000}),
    "verify_fields": meta("done", "stop", edit={"name": "EDITED Grace"}, value={"name": "Ada", "birthday": "1815"}),
    "ask_choice_tool": meta("none", "stop", answer="text"),
}
