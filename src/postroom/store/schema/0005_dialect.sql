-- What the PostPost dialect keeps beside the posts themselves: their log, what was used of the limits, and the pages at
-- which managed users link accounts.

create table post_logs (
    workspace_id text not null,
    group_id text not null,
    -- Counts within the group, which is held by whoever writes.
    number integer not null,
    id text not null,
    post_id text,
    platform text,
    event text not null,
    detail text,
    created_at bigint not null,
    primary key (workspace_id, group_id, number),
    foreign key (workspace_id, group_id) references post_groups (workspace_id, id) on delete cascade
);

-- One row for each post group that was scheduled. It outlives a group that had begun to go out: deleting gives nothing back.
create table post_usage (
    workspace_id text not null references workspaces (id) on delete cascade,
    group_id text not null,
    counted_at bigint not null,
    posts integer not null,
    primary key (workspace_id, group_id)
);
create index post_usage_by_time on post_usage (workspace_id, counted_at);

alter table managed_users add column detached_at bigint;
-- The page's token is derived from the nonce under the master key; here is only the hash by which it is found.
alter table managed_users add column page_nonce text;
alter table managed_users add column page_hash {bytes};
alter table managed_users add column page_expires_at bigint;
create unique index managed_users_by_page on managed_users (page_hash) where page_hash is not null;

-- The one key of a managed user that the workspace makes anew.
alter table api_keys add column per_user integer not null default 0;
create unique index api_keys_per_user on api_keys (workspace_id, managed_user_id) where per_user = 1 and revoked_at is null;
