//! The limits of PROTOCOL section 7. The UI shows them before the server refuses.

use std::ops::RangeInclusive;

pub const MESSAGE_TEXT: RangeInclusive<usize> = 1..=8_000;
pub const TITLE: RangeInclusive<usize> = 1..=128;
pub const DESCRIPTION: RangeInclusive<usize> = 0..=1_000;
pub const BIO: RangeInclusive<usize> = 0..=500;
pub const USERNAME: RangeInclusive<usize> = 3..=32;
pub const DISPLAY_NAME: RangeInclusive<usize> = 1..=64;
pub const PASSWORD: RangeInclusive<usize> = 10..=256;
pub const DRAFT: RangeInclusive<usize> = 0..=8_000;
/// The reason of a report.
pub const REASON: RangeInclusive<usize> = 1..=500;
/// Users that one message mentions.
pub const MENTIONS: usize = 100;
/// Different emoji under one message.
pub const REACTIONS: usize = 20;
/// Users listed with one reaction.
pub const REACTED_BY: usize = 20;
/// Hours of a mute without an end: a hundred years.
pub const MUTE_FOR_EVER: u32 = 100 * 365 * 24;
/// Users whose presence one socket can watch.
pub const WATCHED_MAX: usize = 200;
pub const GROUP_MEMBERS: usize = 10_000;
/// A larger group sends no read marks, no "seen by", no typing and no presence.
pub const SMALL_GROUP: u64 = 100;
/// Bytes of one WebSocket frame in either direction.
pub const FRAME_BYTES: usize = 128 * 1024;
/// Bytes of the request that creates a group, which lists all members.
pub const NEW_CHAT_BYTES: usize = 512 * 1024;
pub const HISTORY_DEFAULT: u32 = 50;
pub const HISTORY_MAX: u32 = 100;
pub const CHANGES_MAX: u32 = 100;
/// Chats in one `welcome`.
pub const WELCOME_MAX: u32 = 200;
/// Chats named in one `hello` or `heads`.
pub const HEADS_MAX: usize = 500;
/// Chats in one `changes` request.
pub const CHANGES_CHATS_MAX: usize = 50;
/// A client that is more changes behind drops the rows of the chat and reads its newest window.
pub const CATCH_UP_MAX: u64 = 500;
/// An unread count is exact up to this number; one more means "or more".
pub const UNREAD_EXACT: u32 = 999;
