"""What Slack sends: Socket Mode and HTTP, payloads as facts, and the handlers that bring them to the desk.

Imports every other folder of `adapters.slack` except `outbound`.
"""
