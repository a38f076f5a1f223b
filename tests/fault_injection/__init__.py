"""Inject faults into a running node, and check that no film is lost, duplicated or stuck."""
