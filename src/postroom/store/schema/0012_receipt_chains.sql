-- Receipts are sealed into a chain soon after they are written: each has its place, the hash of the one before, and a signature.
alter table receipts add column sequence bigint;
alter table receipts add column previous text;
alter table receipts add column hash text;
alter table receipts add column signature text;
create index receipts_unsealed on receipts (workspace_id, created_at, id) where sequence is null;
-- No place has two receipts: a chain that forks cannot be stored.
create unique index receipts_chained on receipts (workspace_id, sequence) where sequence is not null;

-- The head of each workspace's chain, held by whoever lengthens it; and the receipt up to which old ones were removed,
-- as that was signed then.
create table receipt_chains (
    workspace_id text primary key references workspaces (id) on delete cascade,
    sequence bigint not null,
    hash text not null,
    anchor_sequence bigint not null,
    anchor_hash text not null,
    anchor text
);
