"""Actions of people in the workspace (messages, clicks, forms), and the state that one person sees.

Imports every part of the local workspace but `server`, which serves it.
"""
