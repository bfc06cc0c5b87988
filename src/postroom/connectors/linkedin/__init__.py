"""LinkedIn's private messages."""
