"""Agents as LangGraph graphs: loading them, running them, and reading what they ask."""
