-- What is to be sent or deleted at a moment, and can be taken back until then. A draft is sealed under its account's key, and
-- goes as soon as it is settled; what is left has no content.
create table deferrals (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    user_id text not null,
    account_id text not null,
    provider text not null,
    kind text not null,
    cause text not null,
    state text not null,
    chat_id text not null,
    -- What is deleted, or what was sent.
    message_id text,
    due_at bigint not null,
    created_at bigint not null,
    begun_at bigint,
    settled_at bigint,
    detail text,
    draft_sealed {bytes},
    primary key (workspace_id, id)
);
create unique index deferrals_of_message on deferrals (workspace_id, message_id) where kind = 'delete' and settled_at is null;
create index deferrals_of_account on deferrals (account_id) where settled_at is null;
create index deferrals_settled on deferrals (settled_at) where settled_at is not null;
