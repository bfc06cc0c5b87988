-- The proxy by which alone an account goes out, with its login: sealed under the account's own key.
alter table accounts add column proxy_sealed {bytes};
-- How often that was changed: a connection that was opened before is not used any more, in whichever process it is.
alter table accounts add column proxy_changes bigint not null default 0;

-- While there is no account yet.
alter table login_attempts add column proxy_sealed {bytes};
