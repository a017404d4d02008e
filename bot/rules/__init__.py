"""The rules in force: who may decide what, asked of Slack and of the on-call services.

Imports the engine and the configuration.
"""
