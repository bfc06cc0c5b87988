-- People who signed in to the dashboard with a key. The token is in their browser; here is its hash.
create table sessions (
    token_hash {bytes} primary key,
    workspace_id text not null references workspaces (id) on delete cascade,
    key_id text not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index sessions_by_expiry on sessions (expires_at);
