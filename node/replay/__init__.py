"""Replay of stored scores with another policy, and accuracy against densitometry."""
