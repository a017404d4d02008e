"""Agents as LangGraph graphs: loads them, runs them in this process or on a server, and guards what they do.

Imports the engine and no other adapter. From the top: `routed`; `in_process` or `remote`; `foreseeing`; `agents`;
`guards`; `messages`; `loading`; then `sentences`, `dialects`, `reading` and small modules that all of them share.
"""
