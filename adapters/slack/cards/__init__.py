"""Requests as Slack messages: one card, a sheet of several, the Home tab. Pure.

Imports the drawing.
"""
