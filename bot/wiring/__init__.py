"""Puts the parts of a bot together: the only room that names concrete adapters.

`assembly` has the parts list of a running bot; each module beside it makes one kind of part. A command imports the
module that it needs: one that only reads Redis takes `storage`, and does not wait for LangGraph and Bolt.
"""

from adapters.extras import install_command

__all__ = ["install_command"]
