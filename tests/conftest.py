"""What holds for all tests."""

import os

os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")  # as `signoff` does, before LangGraph is imported
