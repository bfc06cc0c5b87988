-- How much a key may delete: for agents. Null: as much as it likes.
alter table api_keys add column deletes_per_hour integer;
alter table api_keys add column deletes_per_day integer;

-- What keys with a budget deleted lately, or may have deleted: when, and nothing of what.
create table key_deletions (
    workspace_id text not null references workspaces (id) on delete cascade,
    key_id text not null,
    id text not null,
    at bigint not null,
    primary key (workspace_id, key_id, id)
);
create index key_deletions_by_time on key_deletions (at);

-- Tokens that confirm a deletion, each once. What they are for is sealed in them, and not here.
create table deletion_tokens (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    expires_at bigint not null,
    used_at bigint,
    primary key (workspace_id, id)
);
create index deletion_tokens_by_time on deletion_tokens (expires_at);
