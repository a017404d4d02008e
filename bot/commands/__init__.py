"""The commands that answer and end: explain, policy test, oncall, audit.

Imports the configuration, the rules and the wiring.
"""
