"""Infers an agent's entry in `app.yaml` from a graph of somebody's project, for `signoff init`.

`graph_search` and `variables` read the project's files and import nothing; `inference` reads a loaded graph. A guess
says why it was made, and a required value that cannot be known is never invented: it is named instead.
"""
