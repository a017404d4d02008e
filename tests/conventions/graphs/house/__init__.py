"""A project of several modules: words in one, the asking in another, the nodes in a third."""
