"""The node's peers in tests run on loopback: archives, senders, servers, and the node itself."""
