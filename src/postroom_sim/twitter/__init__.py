"""A simulated X: API v2 with tokens of two hours, media in pieces, duplicates refused, a timeline with short links."""
