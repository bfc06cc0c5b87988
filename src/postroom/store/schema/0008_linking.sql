-- An attempt to link knows which account it is for (a new one's id, or one that is linked already), and whose login it
-- is, so that of two at once the later one counts.
alter table login_attempts add column account_id text;
alter table login_attempts add column relinks integer not null default 0;
alter table login_attempts add column subject_hash {bytes};
alter table login_attempts add column busy_until bigint not null default 0;
alter table login_attempts add column superseded integer not null default 0;

create index login_attempts_by_account on login_attempts (workspace_id, account_id);
create index login_attempts_by_subject on login_attempts (workspace_id, subject_hash);
