-- Links by which somebody outside links one account. The token is the permission; here is its hash.
create table hosted_links (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    user_id text not null,
    token_hash {bytes} not null,
    providers text not null,
    relinks text,
    wish_sealed {bytes} not null,
    created_at bigint not null,
    expires_at bigint not null,
    attempt_id text,
    account_id text,
    was_new integer not null,
    primary key (workspace_id, id)
);
create unique index hosted_links_by_token on hosted_links (token_hash);
create index hosted_links_by_attempt on hosted_links (workspace_id, attempt_id) where attempt_id is not null;
