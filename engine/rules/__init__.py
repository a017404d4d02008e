"""The rules of app.yaml: which one governs an action, its conditions and grants. Imports conversation and approvals."""
