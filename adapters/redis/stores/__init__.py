"""The stores: approvals with their audit, conversations, grants, and what the processes of a bot share.

Imports the mailbox, the codec, the keys and the transport; neither lanes nor the checkpointer.
"""
