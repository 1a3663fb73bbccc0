-- Chats. Everything of a chat is distributed by `chat_id`, which comes first in every key; what a
-- person owns of a chat is distributed by `user_id`. No foreign key crosses the two.

create table chats (
    chat_id uuid primary key,
    kind text not null,
    title text,
    description text not null default '',
    avatar_url text,
    member_count bigint not null,
    -- The newest message, the newest change, and the changes that last wrote this row and its members.
    last_no bigint not null default 0,
    seq bigint not null default 0,
    row_seq bigint not null default 0,
    members_seq bigint not null default 0,
    active_at timestamptz not null,
    created_at timestamptz not null
);

create table members (
    chat_id uuid not null,
    user_id uuid not null,
    role text,
    joined_at timestamptz not null,
    read_no bigint not null default 0,
    removed boolean not null default false,
    seq bigint not null,
    primary key (chat_id, user_id)
);

create index members_changes on members (chat_id, seq);

create table messages (
    chat_id uuid not null,
    no bigint not null,
    seq bigint not null,
    message_id uuid not null,
    client_id uuid not null,
    sender_id uuid not null,
    kind text not null,
    text text not null,
    reply_to bigint,
    event jsonb,
    created_at timestamptz not null,
    edited_at timestamptz,
    deleted boolean not null default false,
    primary key (chat_id, no),
    unique (chat_id, seq),
    -- A phone may retry a week later, so what makes a send exactly-once lives as long as the message.
    unique (chat_id, sender_id, client_id)
);

create index messages_time on messages (chat_id, created_at);

create table user_chats (
    user_id uuid not null,
    chat_id uuid not null,
    -- False for a chat one was removed from, and for a direct chat without a message yet.
    listed boolean not null,
    my_seq bigint not null,
    muted_until timestamptz,
    pinned boolean not null default false,
    archived boolean not null default false,
    draft text,
    marked_unread boolean not null default false,
    primary key (user_id, chat_id)
);
