"""Graphs that run in this process: their threads, runs, pauses and state edits, and time travel.

Imports every other folder of `adapters.langgraph` except `remote`.
"""
