"""One call of the port on one thread: reads it, runs it, and reports it.

Imports `threads`, `runs` and `reports`.
"""
