"""What people do in the workspace: clicks, forms, messages, and what one person sees.

Imports every part of the local workspace but `server`, which serves it.
"""
