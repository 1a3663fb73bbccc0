-- The messages that no unread count includes. Unread is the distance in `no` minus the rows of this index.
create index messages_uncounted on messages (chat_id, no) where deleted or kind = 'system';
