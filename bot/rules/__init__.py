"""The rules in force, by Slack's ids, and the people who may decide by them, looked up in Slack and on-call services.

Imports the configuration, the masking and the telemetry: nothing of the on-call sources or of the process.
"""
