from langgraph_sdk import Auth

auth = Auth()
