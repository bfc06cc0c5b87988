"""What writes the reference pages; `docs/generate.py` calls it."""
