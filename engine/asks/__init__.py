"""Asks of graphs and decisions about them, templates of the values that are sent, and cards foreseen from code.

Imports authority, sentences, sources and ids.
"""
