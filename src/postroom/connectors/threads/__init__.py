"""Posts on Threads."""
