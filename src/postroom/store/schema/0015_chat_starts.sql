-- How many new conversations each account began on a day (UTC, counted from 1970).

create table chat_starts (
    workspace_id text not null,
    account_id text not null,
    day integer not null,
    used integer not null,
    primary key (workspace_id, account_id, day),
    foreign key (workspace_id, account_id) references accounts (workspace_id, id) on delete cascade
);
