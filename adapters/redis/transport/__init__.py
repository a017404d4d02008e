"""Sends calls to Redis: one server, Sentinels or a cluster, over one multiplexed connection or a pool.

Knows scripts and bytes, no keys and no documents. Imports nothing of `adapters.redis` outside this folder.
"""
