//! The limits of PROTOCOL section 7: the UI shows them before the server refuses.

use std::ops::RangeInclusive;

pub const MESSAGE_TEXT: RangeInclusive<usize> = 1..=8_000;
pub const TITLE: RangeInclusive<usize> = 1..=128;
pub const DESCRIPTION: RangeInclusive<usize> = 0..=500;
pub const BIO: RangeInclusive<usize> = 0..=500;
pub const USERNAME: RangeInclusive<usize> = 3..=32;
pub const DISPLAY_NAME: RangeInclusive<usize> = 1..=64;
pub const PASSWORD: RangeInclusive<usize> = 10..=256;
pub const DRAFT: RangeInclusive<usize> = 0..=8_000;
/// Why a message is reported.
pub const REASON: RangeInclusive<usize> = 1..=500;
/// People that one message mentions.
pub const MENTIONS: usize = 100;
/// Different emoji under one message.
pub const REACTIONS: usize = 20;
/// People named with one emoji.
pub const REACTED_BY: usize = 20;
/// Hours of a mute that ends with nobody's notice: a hundred years.
pub const MUTE_FOR_EVER: u32 = 100 * 365 * 24;
/// People whose presence one socket watches.
pub const WATCHED_MAX: usize = 200;
pub const GROUP_MEMBERS: usize = 10_000;
/// Read marks of others, "seen by" and presence stop above this size of a group.
pub const SMALL_GROUP: u64 = 100;
/// Bytes of one WebSocket frame, either way.
pub const FRAME_BYTES: usize = 128 * 1024;
/// Bytes of the request that makes a group, which names all its members.
pub const NEW_CHAT_BYTES: usize = 512 * 1024;
pub const HISTORY_DEFAULT: u32 = 50;
pub const HISTORY_MAX: u32 = 100;
pub const CHANGES_MAX: u32 = 100;
/// Chats in one `welcome`.
pub const WELCOME_MAX: u32 = 200;
/// Chats named in one `hello` or `heads`.
pub const HEADS_MAX: usize = 500;
/// Chats asked for in one `changes`.
pub const CHANGES_CHATS_MAX: usize = 50;
/// Further behind than this, a chat's rows are dropped and its newest window is read afresh.
pub const CATCH_UP_MAX: u64 = 500;
/// An unread count is exact up to here; one more means "or more".
pub const UNREAD_EXACT: u32 = 999;
