"""A simulated Mastodon server: apps, tokens, media that take their time, statuses that are made once for a key."""
