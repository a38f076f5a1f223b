"""What came of a look at the configuration file while the node runs."""
