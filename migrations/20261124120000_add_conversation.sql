-- What a message carries beyond its text: whom it mentions, whose words it forwards, and its reactions as
-- readers see them. Who reacted, who reported; whom a person has blocked, and when they were last here.

alter table messages add column mentions uuid[] not null default '{}';
alter table messages add column forwarded_from uuid;
alter table messages add column reactions jsonb not null default '[]';

-- Few messages mention anybody, so those unread are found without reading the rest.
create index messages_mentions on messages (chat_id, no) where mentions <> '{}';

create table reactions (
    chat_id uuid not null,
    no bigint not null,
    emoji text not null,
    user_id uuid not null,
    reacted_at timestamptz not null,
    primary key (chat_id, no, emoji, user_id)
);

create table reports (
    chat_id uuid not null,
    no bigint not null,
    reporter_id uuid not null,
    sender_id uuid not null,
    -- As it was when it was reported.
    text text not null,
    reason text not null,
    created_at timestamptz not null,
    primary key (chat_id, no, reporter_id)
);

-- Of a direct chat: the other one has blocked this member, who may not write there.
alter table members add column blocked boolean not null default false;

create table blocks (
    user_id uuid not null,
    blocked_id uuid not null,
    created_at timestamptz not null,
    primary key (user_id, blocked_id)
);

create table presence (
    user_id uuid primary key,
    last_seen_at timestamptz not null
);

-- The newest message when a chat was archived: a newer one brings the chat back, unless it is muted.
alter table user_chats add column archived_no bigint not null default 0;
