"""Graphs on a LangGraph Server, called over HTTP: the client, threads, runs, pauses and time travel.

Imports the dialects, `messages` and the modules beside this folder; nothing of `in_process`, `loading` or `guards`.
"""
