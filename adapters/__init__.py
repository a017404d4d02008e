"""What Signoff stands on: Slack, Redis, LangGraph. Families do not import one another."""
