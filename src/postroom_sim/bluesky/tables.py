"""What the simulated Bluesky keeps, as SQL tables."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS bluesky_accounts (
    did TEXT PRIMARY KEY, handle TEXT NOT NULL UNIQUE, password TEXT NOT NULL, email TEXT NOT NULL,
    taken_down INTEGER NOT NULL, factor TEXT);
CREATE TABLE IF NOT EXISTS bluesky_sessions (
    id TEXT PRIMARY KEY, did TEXT NOT NULL, ended INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS bluesky_records (
    did TEXT NOT NULL, collection TEXT NOT NULL, rkey TEXT NOT NULL, cid TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (did, collection, rkey)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bluesky_record_blobs (
    did TEXT NOT NULL, collection TEXT NOT NULL, rkey TEXT NOT NULL, cid TEXT NOT NULL,
    PRIMARY KEY (did, cid, collection, rkey)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bluesky_blobs (
    did TEXT NOT NULL, cid TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL, bytes BLOB NOT NULL,
    uploaded_at REAL NOT NULL, PRIMARY KEY (did, cid));
CREATE TABLE IF NOT EXISTS bluesky_usage (
    subject TEXT NOT NULL, window_start INTEGER NOT NULL, points INTEGER NOT NULL,
    PRIMARY KEY (subject, window_start)) WITHOUT ROWID;
"""
