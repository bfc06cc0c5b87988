-- A file's bytes are kept once in a workspace, under a keyed hash of their content: whoever uploads them again shares them.
-- How many share them is counted where it is asked, under the lock of the blob's row; so the count cannot be wrong.
create table blobs (
    workspace_id text not null,
    content_hash text not null,
    blob_key text not null,
    size_bytes bigint not null,
    primary key (workspace_id, content_hash)
);
create unique index blobs_by_key on blobs (blob_key);
-- What was stored before is not hashed any more, and is shared with nobody.
insert into blobs (workspace_id, content_hash, blob_key, size_bytes)
    select workspace_id, blob_key, blob_key, size_bytes from media_items where blob_key is not null;

create index media_items_by_blob on media_items (blob_key);
alter table media_items add column width bigint;
alter table media_items add column height bigint;
