"""Train and measure the gate."""
