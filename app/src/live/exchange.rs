//! The frames of a page that can open no WebSocket, by HTTP: a proxy may not pass `Upgrade` on.

use crate::Refusal;
use leptos::prelude::*;
use protocol::ids::UserId;
#[cfg(feature = "ssr")]
use {
    crate::server_context as context,
    protocol::frames::{ClientFrame, Held, Reply, Request, ServerFrame},
    services::{Actor, Node, Rejection, chat},
};

/// Maximum frames of one request: more than a page has at once.
#[cfg(feature = "ssr")]
const FRAMES_MAX: usize = 100;

/// Handles the frames of `user_id`, one JSON frame per line, and returns the replies in the same form. Typing and
/// presence need a socket: they get no reply.
#[server(prefix = "/fn", endpoint = "exchange")]
pub async fn exchange(user_id: UserId, frames: String) -> Result<String, Refusal> {
    let (node, actor) = context::signed_in()?;
    // Another user has signed in in this browser since the page was loaded.
    if actor.user_id != user_id {
        return context::refuse(Rejection::unauthenticated());
    }
    let mut replies = Vec::new();
    for Request { reference, frame } in
        frames.lines().take(FRAMES_MAX).filter_map(|line| serde_json::from_str(line).ok())
    {
        let frames = answer(&node, actor, frame).await.unwrap_or_else(|rejection| {
            let error = rejection.error;
            vec![ServerFrame::Error { code: error.code, message: error.message, current: error.current }]
        });
        let lines = frames.into_iter().map(|frame| serde_json::to_string(&Reply { reference, frame }));
        replies.extend(lines.filter_map(Result::ok));
    }
    Ok(replies.join("\n"))
}

#[cfg(feature = "ssr")]
async fn answer(node: &Node, actor: Actor, frame: ClientFrame) -> services::Result<Vec<ServerFrame>> {
    Ok(match frame {
        ClientFrame::Hello { mine, chats, read } => {
            vec![ServerFrame::Welcome(chat::hello(node, actor, mine, &Held { chats, read }).await?)]
        }
        ClientFrame::Heads { chats, read, .. } => {
            vec![ServerFrame::Heads(chat::heads(node, actor, &Held { chats, read }).await?)]
        }
        ClientFrame::Changes { chats: Some(wanted), .. } if wanted.len() <= protocol::limits::CHANGES_CHATS_MAX => {
            let wanted: Vec<_> = wanted.into_iter().collect();
            let pages = chat::changes_of_many(node, actor, &wanted).await?;
            pages.into_iter().map(ServerFrame::Changes).collect()
        }
        ClientFrame::Send { chat_id, client_id, text, reply_to } => {
            let data = protocol::chat::PostMessage { client_id, text, reply_to };
            vec![ServerFrame::Ack { message: chat::post_message(node, actor, chat_id, data).await?.0 }]
        }
        ClientFrame::Read { chat_id, no } => {
            chat::mark_read(node, actor, chat_id, no).await?;
            Vec::new()
        }
        _ => Vec::new(),
    })
}
