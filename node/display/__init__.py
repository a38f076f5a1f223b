"""Output for people on a terminal, and the same content as JSON."""
