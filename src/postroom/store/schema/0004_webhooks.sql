-- Webhook endpoints read the log of events, each from its own position: no row holds what is yet to be delivered.

create table webhook_endpoints (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    user_id text not null,
    -- Whose events it is told; null: those of all of the workspace's users.
    only_user text,
    format text not null,
    name text not null,
    url text not null,
    -- Event types, a comma before and after each; empty: all of them.
    types text not null,
    secret_sealed {bytes} not null,
    active integer not null,
    disabled_reason text,
    failure_count integer not null,
    last_failure text,
    -- The last event that is done with.
    position bigint not null,
    next_at bigint not null,
    last_attempt_at bigint,
    created_at bigint not null,
    updated_at bigint not null,
    leased_by text,
    leased_until bigint,
    primary key (workspace_id, id)
);
create index webhook_endpoints_due on webhook_endpoints (next_at) where active = 1;

-- When an account's credentials end unless it is linked again, and the end that its owner was told of.
alter table accounts add column credentials_expire_at bigint;
alter table accounts add column expiry_announced bigint;
create index accounts_expiring on accounts (credentials_expire_at) where credentials_expire_at is not null;
