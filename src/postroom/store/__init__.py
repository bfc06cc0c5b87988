"""Where things are kept: plain SQL on SQLite or PostgreSQL, sealed content, account keys, media bytes."""
