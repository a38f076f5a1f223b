"""The real peers of the tests: Debian's programs, run as they are, on this machine's loopback."""
