-- People and their devices. Under Citus `users` and `signing_keys` are reference tables; the rest is
-- distributed by `user_id`, which therefore comes first in every key.

create table users (
    user_id uuid primary key,
    username text not null unique,
    display_name text not null,
    bio text not null default '',
    avatar_url text,
    email text,
    locale text,
    theme text,
    time_zone text,
    last_seen text not null default 'everyone',
    -- Null: this person cannot sign in.
    password_hash text,
    is_admin boolean not null default false,
    created_at timestamptz not null
);

-- Trigrams find prefixes, parts and names with typos.
create extension if not exists pg_trgm;
create index users_names on users using gin (username gin_trgm_ops, lower(display_name) gin_trgm_ops);

create table signing_keys (
    key_id text primary key,
    pkcs8 bytea not null,
    public_key bytea not null,
    created_at timestamptz not null
);

create table sessions (
    user_id uuid not null,
    session_id uuid not null,
    device text not null,
    ip text not null,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    primary key (user_id, session_id)
);

-- Every refresh token that was ever given out, hashed: presenting a used one ends its session.
create table refresh_tokens (
    user_id uuid not null,
    token_hash bytea not null,
    session_id uuid not null,
    created_at timestamptz not null,
    used_at timestamptz,
    primary key (user_id, token_hash)
);

-- `mine`: the number of the newest change to a person's own chats.
create table user_heads (
    user_id uuid primary key,
    mine bigint not null default 0
);
