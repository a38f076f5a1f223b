"""When a queue is too deep: a pure decision, with hysteresis."""
