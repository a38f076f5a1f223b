"""The clinical model that a node runs."""
