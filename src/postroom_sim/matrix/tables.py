"""What the simulated homeserver keeps, as SQL tables. `pos` counts everything that happens: a sync token is one."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS matrix_sessions (
    token TEXT PRIMARY KEY, user TEXT NOT NULL, device TEXT NOT NULL, name TEXT NOT NULL, ended INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS matrix_people (user TEXT PRIMARY KEY, password TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS matrix_events (
    pos INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, room TEXT NOT NULL, sender TEXT NOT NULL, type TEXT NOT NULL,
    state_key TEXT, content TEXT NOT NULL, ts REAL NOT NULL, target TEXT, relation TEXT, redacted_by TEXT);
CREATE INDEX IF NOT EXISTS matrix_events_of_room ON matrix_events (room, pos);
CREATE INDEX IF NOT EXISTS matrix_events_relations ON matrix_events (target, pos);
CREATE TABLE IF NOT EXISTS matrix_transactions (
    token TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (token, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS matrix_members (
    room TEXT NOT NULL, user TEXT NOT NULL, membership TEXT NOT NULL, pos INTEGER NOT NULL,
    PRIMARY KEY (room, user)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS matrix_data (
    user TEXT NOT NULL, room TEXT NOT NULL, type TEXT NOT NULL, content TEXT NOT NULL, pos INTEGER NOT NULL,
    PRIMARY KEY (user, room, type)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS matrix_receipts (
    room TEXT NOT NULL, user TEXT NOT NULL, id TEXT NOT NULL, ts REAL NOT NULL, pos INTEGER NOT NULL,
    PRIMARY KEY (room, user)) WITHOUT ROWID;
"""
