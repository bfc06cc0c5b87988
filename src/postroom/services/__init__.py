"""What a caller may do: the only place where the store and the networks meet."""
