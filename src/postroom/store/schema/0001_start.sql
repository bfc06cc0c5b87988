-- The whole store at the start. {bytes} is the database's type for bytes; {position} its ascending row number.
-- Every table that holds a workspace's things leads its key with the workspace, but messages, which are many.

create table workspaces (
    id text primary key,
    name text not null,
    sandbox integer not null,
    api_access integer not null,
    mcp_access integer not null,
    managed_users integer not null,
    created_at bigint not null
);

create table managed_users (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    username text not null,
    display_name text not null,
    created_at bigint not null,
    primary key (workspace_id, id),
    unique (workspace_id, username)
);

create table api_keys (
    secret_hash {bytes} primary key,
    id text not null unique,
    workspace_id text not null references workspaces (id) on delete cascade,
    managed_user_id text,
    name text not null,
    prefix text not null,
    scopes text not null,
    created_at bigint not null,
    revoked_at bigint
);
create index api_keys_of_workspace on api_keys (workspace_id, created_at);

create table accounts (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    user_id text not null,
    provider text not null,
    provider_id text not null,
    status text not null,
    status_detail text,
    profile_sealed {bytes} not null,
    credentials_sealed {bytes} not null,
    sync_token_sealed {bytes},
    created_at bigint not null,
    last_synced_at bigint,
    last_used_at bigint not null,
    synced integer not null,
    leased_by text,
    leased_until bigint,
    primary key (workspace_id, id)
);
create unique index accounts_by_id on accounts (id);
create unique index accounts_once on accounts (workspace_id, user_id, provider, provider_id);

create table login_attempts (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    user_id text not null,
    provider text not null,
    flow text not null,
    state_sealed {bytes} not null,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (workspace_id, id)
);

create table chats (
    workspace_id text not null,
    id text not null,
    account_id text not null,
    provider text not null,
    provider_id text not null,
    chat_key text not null,
    kind integer not null,
    attendee_provider_id text,
    -- 0: not known. Then it sorts last on both databases.
    last_message_at bigint not null,
    unread_count integer not null,
    archived integer not null,
    muted integer not null,
    read_only integer not null,
    pinned integer not null,
    folders text not null,
    content_type text,
    subject_key text,
    content {bytes} not null,
    primary key (workspace_id, id),
    foreign key (workspace_id, account_id) references accounts (workspace_id, id) on delete cascade
);
create unique index chats_by_key on chats (account_id, chat_key);
create index chats_by_time on chats (workspace_id, last_message_at, id);
create index chats_of_account on chats (account_id, last_message_at, id);
create index chats_by_subject on chats (account_id, subject_key) where subject_key is not null;

create table attendees (
    workspace_id text not null,
    id text not null,
    account_id text not null,
    provider text not null,
    provider_id text not null,
    is_self integer not null,
    kind text not null,
    member_urn text,
    distance integer,
    content {bytes} not null,
    primary key (workspace_id, id),
    foreign key (workspace_id, account_id) references accounts (workspace_id, id) on delete cascade
);
create unique index attendees_by_provider_id on attendees (account_id, provider_id);

create table chat_attendees (
    chat_id text not null,
    attendee_id text not null,
    workspace_id text not null,
    primary key (chat_id, attendee_id),
    foreign key (workspace_id, chat_id) references chats (workspace_id, id) on delete cascade
);

create table messages (
    id text primary key,
    workspace_id text not null,
    account_id text not null,
    chat_id text not null,
    provider text not null,
    provider_id text not null,
    chat_provider_id text not null,
    message_key text not null,
    sender_id text not null,
    sender_attendee_id text not null,
    sent_at bigint not null,
    is_sender integer not null,
    seen integer not null,
    delivered integer not null,
    edited integer not null,
    hidden integer not null,
    is_event integer not null,
    kind text,
    deleted_at bigint,
    quoted_key text,
    quoted_id text,
    content {bytes}
);
-- No index leads with the workspace: its rows are found through an account, a chat or an id, and then checked. An index of
-- everything would tempt a planner that has no statistics yet.
-- No foreign key to accounts: it is checked once a transaction by holding the account's row, not once a message.
create unique index messages_by_key on messages (account_id, message_key);
create index messages_of_chat on messages (chat_id, sent_at, id);
create index messages_of_account on messages (account_id, sent_at, id);
create index messages_of_sender on messages (account_id, sender_id, sent_at, id);
create index messages_by_quoted on messages (account_id, quoted_key) where quoted_key is not null;

create table tombstones (
    workspace_id text not null references workspaces (id) on delete cascade,
    provider text not null,
    -- Hexadecimal, so that a list of them is a list of texts.
    key_hash text not null,
    chat_key text not null,
    buried_at bigint not null,
    primary key (workspace_id, provider, key_hash)
);

create table recalls (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    account_id text not null,
    provider text not null,
    chat_key text not null,
    message_key text not null,
    message_id text,
    outcome text not null,
    detail text,
    read_back text,
    asked_at bigint not null,
    settled_at bigint,
    primary key (workspace_id, id)
);
create unique index recalls_open on recalls (workspace_id, provider, message_key) where outcome in ('asked', 'in_doubt');

create table receipts (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    kind text not null,
    target_id text not null,
    document text not null,
    created_at bigint not null,
    user_id text,
    primary key (workspace_id, id)
);
create index receipts_of_target on receipts (workspace_id, target_id, created_at, id);
create index receipts_by_time on receipts (workspace_id, created_at, id);

create table post_groups (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    user_id text not null,
    content text not null,
    platforms text not null,
    platform_settings text not null,
    status text not null,
    scheduled_at bigint,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (workspace_id, id)
);
create index post_groups_by_created on post_groups (workspace_id, user_id, created_at, id);
create index post_groups_by_scheduled on post_groups (workspace_id, user_id, scheduled_at, id);

create table posts (
    workspace_id text not null,
    group_id text not null,
    position integer not null,
    id text not null,
    account_id text,
    platform text not null,
    platform_id text not null,
    status text not null,
    token text not null,
    provider_id text,
    url text,
    error text,
    attempts integer not null,
    primary key (workspace_id, group_id, position),
    foreign key (workspace_id, group_id) references post_groups (workspace_id, id) on delete cascade
);
create unique index posts_by_id on posts (workspace_id, id);
create index posts_of_account on posts (account_id) where account_id is not null;
create index posts_ended on posts (workspace_id, platform, platform_id) where status in ('published', 'failed', 'unconfirmed');

create table media_items (
    workspace_id text not null,
    group_id text not null,
    id text not null,
    kind text not null,
    status text not null,
    file_name text not null,
    content_type text not null,
    blob_key text,
    size_bytes bigint,
    alt_text text not null,
    created_at bigint not null,
    upload_expires_at bigint not null,
    primary key (workspace_id, group_id, id),
    foreign key (workspace_id, group_id) references post_groups (workspace_id, id) on delete cascade
);
create unique index media_items_by_id on media_items (id);

create table events (
    position {position},
    id text not null,
    workspace_id text not null,
    type text not null,
    data text not null,
    created_at bigint not null,
    user_id text
);
create index events_of_workspace on events (workspace_id, position);

create table jobs (
    id text primary key,
    workspace_id text,
    task text not null,
    args text not null,
    job_lock text,
    status text not null,
    attempts integer not null,
    scheduled_at bigint not null,
    claimed_by text,
    claimed_until bigint,
    last_error text
);
create index jobs_due on jobs (scheduled_at, id) where status = 'todo';
create index jobs_doing on jobs (claimed_until) where status = 'doing';
create unique index jobs_locked on jobs (job_lock) where status = 'doing' and job_lock is not null;
create index jobs_by_lock on jobs (job_lock, scheduled_at, id) where status = 'todo' and job_lock is not null;
create index jobs_finished on jobs (scheduled_at) where status in ('done', 'failed', 'cancelled');

create table idempotency_keys (
    workspace_id text not null references workspaces (id) on delete cascade,
    user_id text not null,
    idempotency_key text not null,
    fingerprint {bytes} not null,
    status integer,
    answer text,
    created_at bigint not null,
    primary key (workspace_id, user_id, idempotency_key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

create table settings_kept (
    name text primary key,
    value text not null
);
