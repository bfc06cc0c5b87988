-- What an account can do. Where a network can be linked in several ways, not each of them gives both.

alter table accounts add column has_chats integer not null default 0;
alter table accounts add column takes_posts integer not null default 0;
-- Up to here each network had one way.
update accounts set has_chats = 1 where provider = 'linkedin';
update accounts set takes_posts = 1 where provider <> 'linkedin';
