"""Posts on Instagram."""
