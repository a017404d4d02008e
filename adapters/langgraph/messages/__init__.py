"""The messages of a graph's state: the input of a turn, replies, open tool calls and the results that close them.

Imports the dialects, `sentences` and `tasks`; never a thread, a run or a server.
"""
