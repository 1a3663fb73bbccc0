//! Carries frames by HTTP for a page that cannot open a WebSocket: some proxies do not pass `Upgrade` on.

use crate::Refusal;
use leptos::prelude::*;
use protocol::ids::UserId;
#[cfg(feature = "ssr")]
use {
    crate::server_context as context,
    protocol::{
        error::{ErrorCode, Problem},
        frames::{ClientFrame, Held, Reply, Request, ServerFrame},
    },
    services::{Actor, Node, Rejection, chat},
};

/// Maximum frames of one request.
const FRAMES_MAX: usize = 100;
/// Bytes of frames in one request, as a form encodes them; less than the server accepts.
#[cfg(any(feature = "hydrate", test))]
const FORM_BYTES: usize = 100 * 1024;
/// Bytes of replies after which the remaining frames are refused, as the queue of a socket is bounded.
#[cfg(feature = "ssr")]
const REPLIES_MAX: usize = 1 << 20;

/// Handles the frames of `user_id`, one JSON frame per line, and returns `ready` and the replies in the same form. Typing
/// and presence need a socket: they get no reply. The rate limit is that of one socket, for all requests of the user.
#[server(prefix = "/fn", endpoint = "exchange")]
pub async fn exchange(user_id: UserId, frames: String) -> Result<String, Refusal> {
    let (node, actor) = context::signed_in()?;
    // Another user has signed in in this browser since the page was loaded.
    if actor.user_id != user_id {
        return context::refuse(Rejection::unauthenticated());
    }
    if frames.lines().count() > FRAMES_MAX {
        return context::refuse(Rejection::field("frames", Problem::TooMany));
    }
    let mut replies = String::new();
    let mut add = |reference: Option<u64>, frame: ServerFrame| -> Result<usize, Refusal> {
        replies += &context::answer(serde_json::to_string(&Reply { reference, frame }).map_err(Rejection::internal))?;
        replies.push('\n');
        Ok(replies.len())
    };
    // The page compares its version with the server's.
    let version = context::request()?.version.as_ref().into();
    let mut bytes = add(None, ServerFrame::Ready { user_id, session_id: actor.session_id, version })?;
    for line in frames.lines() {
        let (reference, result) = match serde_json::from_str::<Request>(line) {
            Ok(Request { reference, .. }) if bytes > REPLIES_MAX => (reference, Err(Rejection::unavailable())),
            Ok(Request { reference, frame }) => (reference, reply(&node, actor, frame).await),
            Err(_) => (None, Err(Rejection::new(ErrorCode::InvalidInput, "The frame could not be read."))),
        };
        for frame in result.unwrap_or_else(|rejection| vec![error(rejection)]) {
            bytes = add(reference, frame)?;
        }
    }
    Ok(replies)
}

#[cfg(feature = "ssr")]
fn error(Rejection { error, .. }: Rejection) -> ServerFrame {
    ServerFrame::Error { code: error.code, message: error.message, current: error.current }
}

#[cfg(feature = "ssr")]
async fn reply(node: &Node, actor: Actor, frame: ClientFrame) -> services::Result<Vec<ServerFrame>> {
    node.rates.polled_frames.take(actor.user_id)?;
    Ok(match frame {
        ClientFrame::Hello { mine, chats, read } => {
            vec![ServerFrame::Welcome(chat::hello(node, actor, mine, &Held { chats, read }).await?)]
        }
        ClientFrame::Heads { chats, read, .. } => {
            vec![ServerFrame::Heads(chat::heads(node, actor, &Held { chats, read }).await?)]
        }
        ClientFrame::Changes { chats: Some(wanted), .. } => {
            let wanted: Vec<_> = wanted.into_iter().collect();
            let pages = chat::changes_of_many(node, actor, &wanted).await?;
            pages.into_iter().map(|page| page.map_or_else(error, ServerFrame::Changes)).collect()
        }
        ClientFrame::Send { chat_id, client_id, text, reply_to } => {
            let data = protocol::chat::PostMessage { client_id, text, reply_to };
            vec![ServerFrame::Ack { message: chat::post_message(node, actor, chat_id, data).await?.0 }]
        }
        // Without a reply the page would send the mark again.
        ClientFrame::Read { chat_id, no } => {
            chat::mark_read(node, actor, chat_id, no).await?;
            vec![ServerFrame::Read { chat_id, user_id: actor.user_id, no }]
        }
        ClientFrame::Typing { .. } | ClientFrame::Watch { .. } => Vec::new(),
        _ => return Err(Rejection::new(ErrorCode::InvalidInput, "This frame needs a socket.")),
    })
}

/// The number of these frames that fit into one request: at least one.
#[cfg(any(feature = "hydrate", test))]
pub fn fitting(frames: &[String]) -> usize {
    let mut room = FORM_BYTES;
    let fits = |frame: &&String| {
        // A letter or a digit stays one byte. Any other byte becomes at most three.
        let bytes: usize = frame.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 }).sum();
        let fits = bytes <= room;
        room = room.saturating_sub(bytes);
        fits
    };
    frames.iter().take(FRAMES_MAX).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_as_many_frames_as_fit() {
        let long = "я".repeat(8_000);
        for (name, frames, expected) in [
            ("one that is too large is still sent", vec![long.repeat(9)], 1),
            ("two of 48 KB", vec![long.clone(), long.clone(), long.clone()], 2),
            ("short ones", vec!["{}".to_owned(); 250], FRAMES_MAX),
            ("a short one behind a long one", vec![long.repeat(2), long, "{}".to_owned()], 1),
        ] {
            assert_eq!(fitting(&frames), expected, "{name}");
        }
    }
}
