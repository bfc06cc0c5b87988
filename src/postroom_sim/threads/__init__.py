"""The simulated Threads."""
