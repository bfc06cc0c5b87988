"""The simulated YouTube."""
