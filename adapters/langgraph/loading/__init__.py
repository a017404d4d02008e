"""From `graph:` in `app.yaml` to a graph that is ready to run, and what is wrong with it.

Imports the dialects, `reading` and `fingerprint`.
"""
