"""Graphs that run in this process: the port, decisions, sessions, reports, runs and threads.

Imports every other folder of `adapters.langgraph` except `remote`. Within: `graphs`, `decisions`, `sessions`,
`reports`, then `runs` and `threads`; each imports only those named after it.
"""
