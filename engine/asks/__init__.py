"""What a graph asks, and templates of what it is answered. Imports authority."""
