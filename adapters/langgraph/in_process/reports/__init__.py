"""Reports of a thread to the bot: questions, pauses, the reply and the failure.

Imports `threads`, `runs` and the dialects.
"""
