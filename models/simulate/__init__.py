"""Chest films of known bone density, rendered from one CT; see ``anatomy`` for the source."""
