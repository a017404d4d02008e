from agent import graph

if __name__ == "__main__":
    config = {"configurable": {"thread_id": "terminal"}}
    print(graph.invoke({"messages": [("user", input("> "))]}, config))
