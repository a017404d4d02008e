"""Who may decide, how many of them must, and by when. Imports sentences, sources and ids."""
