"""LangGraph's checkpointer on Redis: `AsyncRedisSaver`, and `RedisSaver` for code that blocks.

Imports `adapters.redis.keys` and `adapters.redis.transport`; nothing of approvals, so that a graph can use it alone.
"""
