from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from payouts.bank import transfer


def confirm(state: MessagesState):
    if interrupt("Pay all 3 open invoices? (yes/no)") in (True, "yes"):
        transfer("paid 3 invoices")
        return {"messages": [("ai", "All three invoices are paid.")]}
    return {"messages": [("ai", "Nothing was paid this week.")]}


graph = StateGraph(MessagesState).add_node(confirm).add_edge(START, "confirm").compile()
