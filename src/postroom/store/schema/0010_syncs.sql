-- How far the sync of a whole account is (chat_id is empty), or of one chat's history; and from where it goes on.
create table account_syncs (
    workspace_id text not null,
    account_id text not null,
    chat_id text not null,
    progress text not null,
    token_sealed {bytes},
    cursor_sealed {bytes},
    primary key (workspace_id, account_id, chat_id),
    foreign key (workspace_id, account_id) references accounts (workspace_id, id) on delete cascade
);

-- The chats of a sync that is under way, in the order in which the network told them. rank: 0 not begun, 1 begun, 2 over.
create table sync_chats (
    workspace_id text not null,
    account_id text not null,
    chat_id text not null,
    position integer not null,
    chat_key text not null,
    rank integer not null,
    restarts integer not null,
    cursor_sealed {bytes},
    primary key (workspace_id, account_id, chat_id, position),
    foreign key (workspace_id, account_id) references accounts (workspace_id, id) on delete cascade
);
create unique index sync_chats_once on sync_chats (workspace_id, account_id, chat_id, chat_key);
create index sync_chats_open on sync_chats (workspace_id, account_id, chat_id, rank, position) where rank < 2;
