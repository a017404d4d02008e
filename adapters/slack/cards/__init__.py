"""Requests as Slack messages: a card, a sheet of several, the Home tab, lists. Pure.

Imports the drawing.
"""
