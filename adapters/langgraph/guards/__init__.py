"""Guards between a graph and an action that nobody approved: gates, drift, approved tool calls (P4).

Imports the dialects, `messages`, `reading` and the modules below them; never a thread or a run.
"""
