"""What a graph asks and what people decide about it, templates of what is sent, and cards foreseen from code.

Imports authority, sentences, sources and ids.
"""
