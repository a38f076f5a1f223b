"""The clinical model as it is served."""
