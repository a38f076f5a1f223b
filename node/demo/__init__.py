"""The demonstration: a node, a film and an archive on one machine."""
