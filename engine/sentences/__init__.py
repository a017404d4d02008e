"""Sentences for people in Slack: refusals, notices, and how names and times are written.

Imports ids and sources, and nothing else of the engine.
"""
