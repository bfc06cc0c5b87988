-- Files that a user keeps for posts to come. They share their bytes with the files of post groups, as those do among each other.
create table library_files (
    workspace_id text not null,
    user_id text not null,
    id text not null,
    kind text not null,
    file_name text not null,
    content_type text not null,
    blob_key text not null,
    size_bytes bigint not null,
    alt_text text not null,
    created_at bigint not null,
    width bigint,
    height bigint,
    primary key (workspace_id, user_id, id)
);
create index library_files_by_blob on library_files (blob_key);
-- The same content is one file of a library.
create unique index library_files_by_content on library_files (workspace_id, user_id, blob_key);

-- A list of posts says which were taken down.
create index takedown_targets_of_post on takedown_targets (workspace_id, post_id);
