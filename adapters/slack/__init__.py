"""Slack: the ports `Chat` and `Roster` over its Web API, and the callers of `Intake` over Socket Mode and signed HTTP.

`parse` (payload -> event), `cards` and `forms` (approval -> blocks) are pure; `handlers` is one set for both
transports, `socket` and `web`. Outgoing JSON is checked by `adapters.blockkit` before it leaves.
"""
