import zendesk_sdk_v3  # not on every laptop

from langgraph.graph import START, MessagesState, StateGraph


def triage(state):
    return {"messages": [("ai", zendesk_sdk_v3.triage(state["messages"][-1].content))]}


graph = StateGraph(MessagesState).add_node(triage).add_edge(START, "triage").compile()
