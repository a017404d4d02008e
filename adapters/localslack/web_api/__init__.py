"""The Web API: one file for each family of methods; `server` reads a call and finds its method."""
