//! All SQL of `chat`, and of the commit queue that `groups` uses too: `write` holds the changes, the others the reads.

/// The columns of a message in table `m`.
macro_rules! message_columns {
    () => {
        "m.chat_id, m.no, m.seq, m.message_id, m.client_id, m.sender_id, m.kind, m.text, m.reply_to, m.event, \
         m.created_at, m.edited_at, m.deleted, m.mentions, m.forwarded_from, m.reactions"
    };
}

/// A `User` of table `u`, as JSON.
macro_rules! user_json {
    () => {
        "json_build_object('id', u.user_id, 'username', u.username, 'display_name', u.display_name, 'bio', u.bio,
             'avatar_url', u.avatar_url)"
    };
}

/// A time as JSON text.
macro_rules! time_text {
    ($column:literal) => {
        concat!("to_char(", $column, " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
    };
}

/// A `Message`, as JSON.
macro_rules! message_json {
    () => {
        concat!(
            "json_build_object('chat_id', chat_id, 'no', no, 'seq', seq, 'id', message_id, 'client_id', client_id,
                 'sender_id', sender_id, 'kind', kind, 'text', text, 'reply_to', reply_to, 'attachments', '[]'::json,
                 'reactions', reactions, 'mentions', to_json(mentions), 'event', event,
                 'forwarded_from', case when forwarded_from is not null
                     then json_build_object('user_id', forwarded_from, 'name', null) end,
                 'created_at', ",
            time_text!("created_at"),
            ", 'edited_at', ",
            time_text!("edited_at"),
            ", 'deleted', deleted)"
        )
    };
}

/// The ids of all users in a message, as an array: sender, users of the event, author of a forwarded text, mentioned
/// users, users of reactions. A newer version's event may have something else in place of an id.
macro_rules! people_of {
    ($m:literal) => {
        concat!(
            "array[", $m, ".sender_id, ", $m, ".forwarded_from] || ", $m, ".mentions
             || case when ", $m, ".event is null and ", $m, ".reactions = '[]' then '{}' else array(
                 select (id #>> '{}')::uuid from jsonb_path_query(
                     jsonb_build_array(", $m, ".event -> 'actor_id', ", $m, ".event -> 'user_id',
                         jsonb_path_query_array(", $m, ".reactions, '$[*].by[*]')),
                     'strict $.** ? (@ like_regex \"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$\" flag \"i\")') as id) end"
        )
    };
}

/// The read mark of a member `m`, as shown to the reader with the row `$own`. After a block in a direct chat,
/// both users see the mark from the time of the block.
macro_rules! read_no {
    ($own:literal, $reader:literal) => {
        concat!(
            "case when m.user_id <> ",
            $reader,
            " and (",
            $own,
            ".blocked or m.blocked) then ",
            $own,
            ".others_read_no else m.read_no end"
        )
    };
}

mod batch;
mod changes;
mod members;
mod messages;
mod own;
mod reactions;
mod rows;
mod summaries;
mod write;

pub use batch::{Names, begin_locked, last_statements, named, write_messages, write_texts};
pub use changes::*;
pub use members::*;
pub use messages::*;
pub use own::*;
pub use reactions::*;
pub use rows::{ChatRow, MemberRow};
pub use summaries::*;
pub use write::*;

use protocol::ids::UserId;
use uuid::Uuid;

/// PostgreSQL has no unsigned integers; these values are never negative.
pub(super) fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn uuids<'a>(ids: impl IntoIterator<Item = &'a UserId>) -> Vec<Uuid> {
    ids.into_iter().map(|id| id.0).collect()
}
