//! The frames of a page that can open no WebSocket, by HTTP: a proxy may not pass `Upgrade` on.

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

/// Maximum frames of one request: more than a page has at once.
#[cfg(feature = "ssr")]
const FRAMES_MAX: usize = 100;
/// Bytes of replies after which the remaining frames are refused, as the queue of a socket is bounded.
#[cfg(feature = "ssr")]
const REPLIES_MAX: usize = 1 << 20;

/// Handles the frames of `user_id`, one JSON frame per line, and returns the replies in the same form. Typing and
/// presence need a socket: they get no reply. The frames have the rate of a socket, per user.
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
    for line in frames.lines() {
        let (reference, result) = match serde_json::from_str::<Request>(line) {
            Ok(Request { reference, .. }) if replies.len() > REPLIES_MAX => (reference, Err(Rejection::unavailable())),
            Ok(Request { reference, frame }) => (reference, reply(&node, actor, frame).await),
            Err(_) => (None, Err(Rejection::new(ErrorCode::InvalidInput, "The frame could not be read."))),
        };
        for frame in result.unwrap_or_else(|rejection| vec![error(rejection)]) {
            let line = serde_json::to_string(&Reply { reference, frame }).map_err(Rejection::internal);
            replies += &context::answer(line)?;
            replies.push('\n');
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
        ClientFrame::Read { chat_id, no } => {
            chat::mark_read(node, actor, chat_id, no).await?;
            Vec::new()
        }
        ClientFrame::Typing { .. } | ClientFrame::Watch { .. } => Vec::new(),
        _ => return Err(Rejection::new(ErrorCode::InvalidInput, "This frame needs a socket.")),
    })
}
