"""A thread: its questions, its breakpoints and its state, read from its checkpoints and edited there.

Imports `agents` and the modules below it; nothing else of `in_process`.
"""
