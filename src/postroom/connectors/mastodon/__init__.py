"""Posts on Mastodon, on whichever server an account lives."""
