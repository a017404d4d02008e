"""The workspace behind the Web API: the client, its errors and rate limits, people, groups, channels, the manifest.

Imports nothing of `adapters.slack` outside this folder.
"""
