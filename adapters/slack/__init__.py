"""Slack: the ports `Chat` and `Roster` over its Web API, and the callers of `Intake` over Socket Mode and signed HTTP.

`inbound` and `outbound` build on `cards` and `forms`, these on `drawing`; `workspace` stands beside it. Outgoing JSON
is checked by `adapters.blockkit` before it leaves.
"""
