"""Modals: from a JSON Schema to fields, and from entries to a value. Pure.

Imports the drawing.
"""
