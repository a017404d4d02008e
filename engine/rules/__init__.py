"""The rules of `app.yaml`: which one governs an action, its conditions, and grants given under it.

Imports conversation, approvals, asks, authority, sources and ids.
"""
