"""The simulated Instagram."""
