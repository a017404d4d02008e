"""Reads Python: follows a function's statements along one path, with one candidate for the answer. Runs nothing.

Imports `fingerprint`, and nothing else of `adapters.langgraph`.
"""
