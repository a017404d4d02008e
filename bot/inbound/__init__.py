"""What people do: clicks, messages, looking back, the overview of requests.

Imports the rules, the register and the masking; never what goes out.
"""
