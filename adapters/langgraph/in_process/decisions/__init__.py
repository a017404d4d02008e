"""People's decisions: answers to questions, decisions at pauses, and time travel.

Imports `sessions` and the folders that it imports.
"""
