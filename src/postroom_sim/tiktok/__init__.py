"""The simulated TikTok."""
