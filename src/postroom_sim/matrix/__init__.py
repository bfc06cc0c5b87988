"""A simulated Matrix homeserver."""
