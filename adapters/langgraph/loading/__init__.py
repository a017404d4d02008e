"""Loads the graph that `graph:` in `app.yaml` names, and checks the agent's entry against it.

Imports the dialects, `reading`, `config_keys` and `fingerprint`; its modules do not know one another.
"""
