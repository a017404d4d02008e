"""LangGraph's checkpointer on Redis: `AsyncRedisSaver`, and `RedisSaver` for blocking code.

Imports `adapters.redis.keys` and `adapters.redis.transport`, so that a graph can use it without the rest of Signoff.
"""
