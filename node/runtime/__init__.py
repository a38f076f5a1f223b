"""The processes of the node: roles, their supervisor, and the reload of the configuration."""
