-- What was tried to tell webhook endpoints. What was said and answered is kept nowhere.

create table deliveries (
    workspace_id text not null references workspaces (id) on delete cascade,
    webhook_id text not null,
    -- They ascend with time.
    id text not null,
    event_id text not null,
    event_type text not null,
    -- The event's place in the log; null: a test, of nothing that happened.
    position bigint,
    occasion text not null,
    -- Why it did not arrive; null: it did.
    failure text,
    status integer,
    took_ms integer not null,
    tried_at bigint not null,
    primary key (workspace_id, webhook_id, id)
);
create index deliveries_tried on deliveries (tried_at);
