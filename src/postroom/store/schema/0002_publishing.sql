-- Parts of a thread, what an attempt leaves for the next, and the page that an owner comes back from.

alter table posts add column part integer not null default 0;
alter table posts add column content text;
alter table posts add column begun_at bigint;
alter table posts add column note_sealed {bytes};

alter table login_attempts add column nonce_hash {bytes};
create unique index login_attempts_by_nonce on login_attempts (nonce_hash) where nonce_hash is not null;
