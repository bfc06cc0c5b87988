-- What was deleted or called off and leaves no other trace here, until the keyring remembers it.
create table unwritten_graves (
    workspace_id text not null,
    kind text not null,
    name text not null,
    at bigint not null,
    primary key (workspace_id, kind, name)
);
