"""The graph of the project."""

from effects import chain, effect, say
from langgraph.graph import MessagesState

from house.asking import ask_person


def vendor(state: MessagesState):
    decision = ask_person({"lieferant": "Globex", "betrag_eur": 12_000})
    if decision.granted:
        effect("vendor_graph", "done", "Globex")
        return say("Freigegeben.")
    effect("vendor_graph", "not done", said=decision.reason)
    return say("Verweigert.")


vendor_graph = chain(MessagesState, vendor)
