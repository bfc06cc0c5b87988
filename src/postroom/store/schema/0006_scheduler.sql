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
