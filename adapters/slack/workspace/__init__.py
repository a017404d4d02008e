"""The workspace as the Web API shows it: the client, its errors and limits, people, groups, channels.

Imports nothing of `adapters.slack` outside this folder.
"""
