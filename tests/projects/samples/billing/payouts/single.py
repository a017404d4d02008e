from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from payouts.bank import transfer


def pay(state: MessagesState):
    invoice = state["messages"][-1].content.split()[-1]
    request = {
        "action_request": {"action": "pay_invoice", "args": {"invoice": invoice, "amount": 420}},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": False, "allow_ignore": True},
        "description": f"Invoice {invoice} is due.",
    }
    response = interrupt([request])[0]
    if response["type"] == "ignore":
        return {"messages": [("ai", "Left unpaid.")]}
    args = response["args"]["args"] if response["type"] == "edit" else request["action_request"]["args"]
    transfer(f"paid {args['invoice']} {args['amount']}")
    return {"messages": [("ai", f"Paid {args['amount']} EUR.")]}


graph = StateGraph(MessagesState).add_node(pay).add_edge(START, "pay").compile()
