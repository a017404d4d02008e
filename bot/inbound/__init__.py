"""Handles what people do in Slack: clicks, messages, time travel, the overview of requests.

Imports the approvals, the rules, the masking and the telemetry: nothing of what goes out.
"""
