-- Where a conversation that began as a request stands: pending, accepted or declined.
alter table chats add column request text;
