"""Deliveries from the workspace to the bot: payloads over Socket Mode or signed HTTP, retries, triggers.

Imports the state and the injected failures (`faults`).
"""
