"""What stands between a graph and an action that nobody approved: gates, drift, approved arguments (P4).

Imports the dialects, `reading`, `fingerprint` and the config keys; never a thread or a run.
"""
