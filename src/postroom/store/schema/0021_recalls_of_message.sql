-- What became of the last recall is shown beside each message of a page.
create index recalls_of_message on recalls (workspace_id, message_id, asked_at) where message_id is not null;
