"""What people do in the workspace: clicks, forms, messages, and what one person sees.

Imports the workspace, the Web API, the delivery and the state.
"""
