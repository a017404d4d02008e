"""How calls reach Redis: one server, Sentinels or a cluster, over one multiplexed connection or a pool.

Knows scripts and bytes, no key and no document. Imports nothing of `adapters.redis` outside this folder.
"""
