"""Charts of replays and of the challenger's report, as PNG."""
