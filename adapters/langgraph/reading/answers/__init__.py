"""Finds the answers that a node takes: tries candidates, sees where the code goes with each, and groups them.

Imports `adapters.langgraph.reading.code` and `fingerprint`.
"""
