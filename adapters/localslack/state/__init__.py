"""State of the workspace: people, channels, messages, files, open modals.

Imports nothing of `adapters.localslack` outside this folder.
"""
