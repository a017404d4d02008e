"""Modals: from a JSON Schema to fields, and from what was entered to a value. Pure.

Imports the drawing.
"""
