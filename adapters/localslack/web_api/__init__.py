"""The Web API: one file for each family of methods; `server` reads a call and finds its method.

Imports the workspace, the delivery, the state and the injected failures (`faults`); never `people`.
"""
