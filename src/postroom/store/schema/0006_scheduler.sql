-- Which network a job calls: one that does not answer, or wants less of us, holds back its own jobs only.
alter table jobs add column provider text;
create index jobs_free on jobs (scheduled_at, id) where status = 'todo' and job_lock is null;

-- How much of a rate budget is used up: of an account's (scope is its id), or of a network's (scope is its name).
create table rate_windows (
    scope text not null,
    period_seconds integer not null,
    ends_at bigint not null,
    used integer not null,
    primary key (scope, period_seconds)
);
create index rate_windows_by_end on rate_windows (ends_at);

-- What was asked to be taken down, written before any network is called; its targets, and what came of each.
create table takedowns (
    workspace_id text not null references workspaces (id) on delete cascade,
    id text not null,
    user_id text not null,
    group_id text not null,
    delete_group integer not null,
    asked_at bigint not null,
    settled_at bigint,
    primary key (workspace_id, id)
);
create index takedowns_of_group on takedowns (workspace_id, group_id, asked_at);

create table takedown_targets (
    workspace_id text not null,
    takedown_id text not null,
    position integer not null,
    post_id text,
    account_id text,
    platform text not null,
    platform_id text not null,
    provider_id text,
    url text,
    outcome text not null,
    detail text,
    settled_at bigint,
    called integer not null,
    primary key (workspace_id, takedown_id, position),
    foreign key (workspace_id, takedown_id) references takedowns (workspace_id, id) on delete cascade
);
