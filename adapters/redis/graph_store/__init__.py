"""LangGraph's store (`BaseStore`) on plain Redis or Valkey: what agents keep beyond one thread. See docs/store.md.

`scripts` has the layout in Redis, `format` what is written there, `matching` the filters, `vectors` the search by
embeddings in NumPy; `plans` makes round trips of them, which `store` sends. Imports keys, their kinds and transport.
"""
