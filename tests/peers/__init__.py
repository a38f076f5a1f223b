"""Peers of the node in tests, on loopback: archives, senders, servers, and the node itself."""
