//! `/api/v1/chats`: lists, history, sends, read marks, catching up.

use crate::http::{Api, Body, Caller, Id, Params, Result};
use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
};
use protocol::{
    Page,
    chat::{
        Changes, ChatKind, ChatSummary, CreateChat, EditMessage, ForwardMessage, History, MarkRead, Message,
        PostMessage, Reacted, ReportMessage, UpdateOwnState, Window,
    },
    error::{Fields, Problem},
    groups::UpdateGroup,
    ids::ChatId,
    limits,
    time::Timestamp,
};
use serde::Deserialize;
use services::{
    Node, Rejection,
    chat::{self, React, commit::Reacting},
    groups,
};
use utoipa_axum::routes;

pub fn routes() -> Api {
    Api::new()
        .merge(Api::new().routes(routes!(list, create)).layer(DefaultBodyLimit::max(limits::NEW_CHAT_BYTES)))
        .routes(routes!(summary, update, delete))
        .routes(routes!(update_own_state))
        .routes(routes!(history, post_message))
        .routes(routes!(edit_message, delete_message))
        .routes(routes!(react, unreact))
        .routes(routes!(reacted))
        .routes(routes!(forward_message))
        .routes(routes!(report_message))
        .routes(routes!(mark_read))
        .routes(routes!(changes))
}

fn created(new: bool) -> StatusCode {
    if new { StatusCode::CREATED } else { StatusCode::OK }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    archived: Option<bool>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// The caller's chats, newest activity first.
#[utoipa::path(get, path = "/api/v1/chats", tag = "chat", security(("bearer" = [])), params(ListQuery),
    responses((status = 200, body = Page<ChatSummary>)))]
async fn list(
    State(node): State<Node>,
    Caller(actor): Caller,
    Params(page): Params<ListQuery>,
) -> Result<Json<Page<ChatSummary>>> {
    Ok(Json(chat::list(&node, actor, page.archived, page.cursor.as_deref(), page.limit).await?))
}

/// Open the direct chat with a user, or create a group.
#[utoipa::path(post, path = "/api/v1/chats", tag = "chat", security(("bearer" = [])), request_body = CreateChat,
    responses((status = 201, body = ChatSummary), (status = 200, body = ChatSummary)))]
async fn create(
    State(node): State<Node>,
    Caller(actor): Caller,
    Body(data): Body<CreateChat>,
) -> Result<(StatusCode, Json<ChatSummary>)> {
    let CreateChat { kind, user_id, title, member_ids, client_id } = data;
    let (summary, new) = match kind {
        ChatKind::Direct => {
            let user_id = user_id.ok_or_else(|| Rejection::field("user_id", Problem::Required))?;
            chat::open_direct(&node, actor, user_id).await?
        }
        ChatKind::Group => groups::create(&node, actor, groups::NewGroup { title, member_ids, client_id }).await?,
        // The registration creates the saved chat of a user.
        ChatKind::Saved | ChatKind::Unknown(_) => return Err(Rejection::field("kind", Problem::Unknown).into()),
    };
    Ok((created(new), Json(summary)))
}

/// A chat with the caller's own state of it.
#[utoipa::path(get, path = "/api/v1/chats/{id}", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path)), responses((status = 200, body = ChatSummary)))]
async fn summary(State(node): State<Node>, Caller(actor): Caller, Id(id): Id<ChatId>) -> Result<Json<ChatSummary>> {
    Ok(Json(chat::summary(&node, actor, id).await?))
}

/// Change a group's title or description.
#[utoipa::path(patch, path = "/api/v1/chats/{id}", tag = "groups", security(("bearer" = [])),
    params(("id" = ChatId, Path)), request_body = UpdateGroup,
    responses((status = 200, body = ChatSummary)))]
async fn update(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id(id): Id<ChatId>,
    Body(data): Body<UpdateGroup>,
) -> Result<Json<ChatSummary>> {
    Ok(Json(groups::update(&node, actor, id, data).await?))
}

/// Delete a group for all members.
#[utoipa::path(delete, path = "/api/v1/chats/{id}", tag = "groups", security(("bearer" = [])),
    params(("id" = ChatId, Path)), responses((status = 204)))]
async fn delete(State(node): State<Node>, Caller(actor): Caller, Id(id): Id<ChatId>) -> Result<StatusCode> {
    groups::delete(&node, actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change the caller's own state of a chat.
#[utoipa::path(patch, path = "/api/v1/chats/{id}/me", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path)), request_body = UpdateOwnState,
    responses((status = 200, body = ChatSummary)))]
async fn update_own_state(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id(id): Id<ChatId>,
    Body(data): Body<UpdateOwnState>,
) -> Result<Json<ChatSummary>> {
    Ok(Json(chat::update_own_state(&node, actor, id, data).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    before: Option<u64>,
    after: Option<u64>,
    around: Option<u64>,
    /// A time: the window around the first message at or after it.
    at: Option<String>,
    limit: Option<u32>,
}

impl HistoryQuery {
    /// The window of the given position; without one, the newest page. Two positions are an error.
    fn window(&self) -> std::result::Result<Window, Rejection> {
        let at =
            self.at.as_deref().map(|at| Timestamp::parse(at).ok_or_else(|| Rejection::field("at", Problem::Malformed)));
        let positions = [
            ("before", self.before.map(Window::Before)),
            ("after", self.after.map(Window::After)),
            ("around", self.around.map(Window::Around)),
            ("at", at.transpose()?.map(Window::At)),
        ];
        let given: Vec<_> = positions.into_iter().filter_map(|(name, window)| Some((name, window?))).collect();
        if let [] | [_] = given[..] {
            return Ok(given.first().map_or(Window::Newest, |(_, window)| *window));
        }
        let mut fields = Fields::default();
        given.iter().for_each(|(name, _)| fields.refuse(name, Problem::TooMany));
        Err(fields.into_error().into())
    }
}

/// A window of the history, ascending.
#[utoipa::path(get, path = "/api/v1/chats/{id}/messages", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), HistoryQuery), responses((status = 200, body = History)))]
async fn history(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id(id): Id<ChatId>,
    Params(query): Params<HistoryQuery>,
) -> Result<Json<History>> {
    Ok(Json(chat::history(&node, actor, id, query.window()?, query.limit).await?))
}

/// Send a message. A repeated `client_id` returns the stored message.
#[utoipa::path(post, path = "/api/v1/chats/{id}/messages", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path)), request_body = PostMessage,
    responses((status = 201, body = Message), (status = 200, body = Message)))]
async fn post_message(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id(id): Id<ChatId>,
    Body(data): Body<PostMessage>,
) -> Result<(StatusCode, Json<Message>)> {
    let (message, new) = chat::post_message(&node, actor, id, data).await?;
    Ok((created(new), Json(message)))
}

/// Edit one of the caller's own messages.
#[utoipa::path(patch, path = "/api/v1/chats/{id}/messages/{no}", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("no" = u64, Path)), request_body = EditMessage,
    responses((status = 200, body = Message)))]
async fn edit_message(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, no)): Id<(ChatId, u64)>,
    Body(data): Body<EditMessage>,
) -> Result<Json<Message>> {
    Ok(Json(chat::edit_message(&node, actor, id, no, data).await?))
}

/// Delete a message for all members.
#[utoipa::path(delete, path = "/api/v1/chats/{id}/messages/{no}", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("no" = u64, Path)),
    responses((status = 200, body = Message)))]
async fn delete_message(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, no)): Id<(ChatId, u64)>,
) -> Result<Json<Message>> {
    Ok(Json(chat::delete_message(&node, actor, id, no).await?))
}

/// React to a message with an emoji.
#[utoipa::path(put, path = "/api/v1/chats/{id}/messages/{no}/reactions/{emoji}", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("no" = u64, Path), ("emoji" = String, Path)),
    responses((status = 200, body = Message)))]
async fn react(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, no, emoji)): Id<(ChatId, u64, String)>,
) -> Result<Json<Message>> {
    Ok(Json(chat::react(&node, actor, id, React { no, emoji: &emoji, how: Reacting::Give }).await?))
}

/// Remove the caller's reaction.
#[utoipa::path(delete, path = "/api/v1/chats/{id}/messages/{no}/reactions/{emoji}", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("no" = u64, Path), ("emoji" = String, Path)),
    responses((status = 200, body = Message)))]
async fn unreact(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, no, emoji)): Id<(ChatId, u64, String)>,
) -> Result<Json<Message>> {
    Ok(Json(chat::react(&node, actor, id, React { no, emoji: &emoji, how: Reacting::TakeBack }).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ReactedQuery {
    cursor: Option<String>,
    limit: Option<u32>,
}

/// The users who reacted to a message, oldest reaction first.
#[utoipa::path(get, path = "/api/v1/chats/{id}/messages/{no}/reactions", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("no" = u64, Path), ReactedQuery),
    responses((status = 200, body = Page<Reacted>)))]
async fn reacted(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, no)): Id<(ChatId, u64)>,
    Params(page): Params<ReactedQuery>,
) -> Result<Json<Page<Reacted>>> {
    Ok(Json(chat::reacted(&node, actor, id, no, page.cursor.as_deref(), page.limit).await?))
}

/// Forward a message to another chat. The copy names the author.
#[utoipa::path(post, path = "/api/v1/chats/{id}/messages/{no}/forward", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("no" = u64, Path)), request_body = ForwardMessage,
    responses((status = 201, body = Message), (status = 200, body = Message)))]
async fn forward_message(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, no)): Id<(ChatId, u64)>,
    Body(to): Body<ForwardMessage>,
) -> Result<(StatusCode, Json<Message>)> {
    let (message, new) = chat::forward_message(&node, actor, id, no, to).await?;
    Ok((created(new), Json(message)))
}

/// Report a message to the site's admins.
#[utoipa::path(post, path = "/api/v1/chats/{id}/messages/{no}/reports", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), ("no" = u64, Path)), request_body = ReportMessage,
    responses((status = 204)))]
async fn report_message(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id((id, no)): Id<(ChatId, u64)>,
    Body(data): Body<ReportMessage>,
) -> Result<StatusCode> {
    chat::report_message(&node, actor, id, no, &data.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Move the caller's read mark forward.
#[utoipa::path(post, path = "/api/v1/chats/{id}/read", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path)), request_body = MarkRead, responses((status = 204)))]
async fn mark_read(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id(id): Id<ChatId>,
    Body(data): Body<MarkRead>,
) -> Result<StatusCode> {
    chat::mark_read(&node, actor, id, data.no).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// The rows of a chat that changed after a `seq`.
#[utoipa::path(get, path = "/api/v1/chats/{id}/changes", tag = "chat", security(("bearer" = [])),
    params(("id" = ChatId, Path), ChangesQuery), responses((status = 200, body = Changes)))]
async fn changes(
    State(node): State<Node>,
    Caller(actor): Caller,
    Id(id): Id<ChatId>,
    Params(query): Params<ChangesQuery>,
) -> Result<Json<Changes>> {
    Ok(Json(chat::changes(&node, actor, id, query.after, query.limit).await?))
}
