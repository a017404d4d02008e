"""What the workspace knows and keeps: people, channels, messages, files, open modals.

Imports nothing of `adapters.localslack` outside this folder.
"""
