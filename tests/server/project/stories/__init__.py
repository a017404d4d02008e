"""The graphs of the stories, as a project of LangGraph's own server has them."""
