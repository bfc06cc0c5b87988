"""The tables of the simulated WhatsApp."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS whatsapp_people (
    phone TEXT PRIMARY KEY, lid TEXT NOT NULL, name TEXT NOT NULL, login TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS whatsapp_chats (id TEXT PRIMARY KEY, title TEXT, members TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS whatsapp_messages (
    chat TEXT NOT NULL, author TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL, sent_at REAL NOT NULL,
    edited_at REAL, revoked_at REAL, reactions TEXT NOT NULL, readers TEXT NOT NULL, secret TEXT NOT NULL,
    original TEXT NOT NULL, PRIMARY KEY (chat, author, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS whatsapp_messages_of_chat ON whatsapp_messages (chat, sent_at);
CREATE TABLE IF NOT EXISTS whatsapp_pairings (
    id TEXT PRIMARY KEY, codes TEXT NOT NULL, phone_code TEXT, device TEXT, began_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS whatsapp_devices (
    id TEXT PRIMARY KEY, phone TEXT NOT NULL, linked_at REAL NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS whatsapp_news (
    place INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS whatsapp_news_of_device ON whatsapp_news (device, place);
CREATE TABLE IF NOT EXISTS whatsapp_files (path TEXT PRIMARY KEY, bytes BLOB NOT NULL);
"""
