"""What the simulated LinkedIn keeps, as SQL tables."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS linkedin_members (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, first_name TEXT NOT NULL, last_name TEXT NOT NULL,
    headline TEXT NOT NULL, slug TEXT NOT NULL, login TEXT UNIQUE, picture TEXT);
CREATE TABLE IF NOT EXISTS linkedin_ended_sessions (
    li_at TEXT NOT NULL, jsessionid TEXT NOT NULL, PRIMARY KEY (li_at, jsessionid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS linkedin_checks (
    id TEXT PRIMARY KEY, login TEXT NOT NULL, kind TEXT NOT NULL, tries INTEGER NOT NULL, polls INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS linkedin_threads (
    id TEXT PRIMARY KEY, title TEXT, group_chat INTEGER NOT NULL, kind TEXT NOT NULL, created_at INTEGER NOT NULL,
    creator TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS linkedin_mailboxes (
    member_id TEXT NOT NULL, thread_id TEXT NOT NULL, position INTEGER NOT NULL, unread_count INTEGER NOT NULL,
    marked_unread INTEGER NOT NULL, last_read_at INTEGER, last_activity_at INTEGER NOT NULL, categories TEXT NOT NULL,
    visible INTEGER NOT NULL, cleared_at INTEGER NOT NULL, member INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (member_id, thread_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS linkedin_mailboxes_by_activity
    ON linkedin_mailboxes (member_id, last_activity_at DESC, thread_id DESC);
CREATE INDEX IF NOT EXISTS linkedin_mailboxes_by_version ON linkedin_mailboxes (member_id, version);
CREATE INDEX IF NOT EXISTS linkedin_mailboxes_by_thread ON linkedin_mailboxes (thread_id, position);
CREATE TABLE IF NOT EXISTS linkedin_requests (
    member_id TEXT NOT NULL, thread_id TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (member_id, thread_id))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS linkedin_messages (
    id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, sender_id TEXT NOT NULL, text TEXT NOT NULL, attributes TEXT NOT NULL,
    subject TEXT, delivered_at INTEGER NOT NULL, origin_token TEXT, format TEXT NOT NULL, content TEXT NOT NULL,
    original_text TEXT NOT NULL, original_content TEXT NOT NULL, edited_at INTEGER, recalled_at INTEGER,
    version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS linkedin_messages_by_time ON linkedin_messages (thread_id, delivered_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS linkedin_messages_by_version ON linkedin_messages (thread_id, version);
CREATE TABLE IF NOT EXISTS linkedin_reactions (
    message_id TEXT NOT NULL, emoji TEXT NOT NULL, member_id TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (message_id, emoji, member_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS linkedin_assets (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, media_type TEXT NOT NULL,
    size INTEGER NOT NULL, bytes BLOB);
CREATE TABLE IF NOT EXISTS linkedin_social (
    kind TEXT NOT NULL, id TEXT NOT NULL, post TEXT NOT NULL, actor TEXT NOT NULL, content TEXT NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (kind, id, post)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS linkedin_events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, member_id TEXT NOT NULL, topic TEXT NOT NULL, at INTEGER NOT NULL,
    decorated TEXT NOT NULL, undecorated TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS linkedin_events_by_member ON linkedin_events (member_id, position);
"""
