from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from supplier_client import Supplier

if TYPE_CHECKING:
    from langgraph_sdk.runtime import ServerRuntime

BOOK = Path(__file__).parent / "orders.txt"


@contextlib.asynccontextmanager
async def reorder_graph(runtime: ServerRuntime):
    """Orders parts that run low."""
    async with Supplier(BOOK) as supplier:

        async def order(state: MessagesState):
            question = {"question": "Order 40 x hinge from Nagel & Sons?", "cost": "112.00"}
            if interrupt(question):
                await supplier.order("hinge", 40)
                return {"messages": [{"role": "assistant", "content": "40 hinges are ordered."}]}
            return {"messages": [{"role": "assistant", "content": "No order was placed."}]}

        builder = StateGraph(MessagesState)
        builder.add_node("order", order)
        builder.add_edge(START, "order")
        yield builder.compile()
