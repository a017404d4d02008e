"""One run of a graph: its config, its end, the stream of its words, and copies of its last checkpoint.

Imports the guards and `messages`; nothing else of `in_process`.
"""
