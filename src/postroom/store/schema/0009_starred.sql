-- What an owner marked with a star.

alter table chats add column starred integer not null default 0;
