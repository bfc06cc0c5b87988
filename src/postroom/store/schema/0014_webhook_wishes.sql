-- What an endpoint asked for beside the types of its events, sealed: its headers may hold a secret. Null: nothing.
alter table webhook_endpoints add column wishes_sealed {bytes};
