"""Graphs on a LangGraph Server: the same port, over HTTP.

Imports the dialects and what both kinds of graphs share.
"""
