"""The command `osteoscreen` and its sub-commands."""
