"""What the simulated Mastodon keeps beside its posts and files, as SQL tables."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS mastodon_keys (
    account TEXT NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL, expires_at REAL NOT NULL,
    PRIMARY KEY (account, key)) WITHOUT ROWID;
"""
