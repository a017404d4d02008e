"""Everything Slack sends: the transports, the payloads as typed events, and a handler for each kind of event.

Imports every other folder of `adapters.slack` except `outbound`.
"""
