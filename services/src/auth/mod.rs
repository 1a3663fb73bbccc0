//! Registration, sign-in and sessions. Must not know what chats people have: a new person's first one
//! is made by `chat`.

mod devices;
mod passwords;
mod queries;

use crate::{
    Actor, Node, Rejection, Result, chat,
    infra::{
        database,
        rates::Network,
        tokens::{self, TokenType, Verified},
    },
    profiles,
};
use moka::future::Cache;
use protocol::{
    auth::{ChangePassword, Register, Session, SignIn, Tokens},
    error::{ErrorCode, Fields, Problem},
    ids::{SessionId, UserId},
    limits,
    profiles::Me,
    text::{DisplayName, Password, Username},
};
use sqlx::{PgConnection, Postgres, Transaction};
use std::{net::IpAddr, time::Duration};
use tokio::time::timeout;

pub use passwords::{is_common, warm_up};

/// How old the knowledge that a session lives may be; PROTOCOL G7 allows a second.
const KNOWN_FOR: Duration = Duration::from_millis(500);
/// A request is not kept waiting for that knowledge any longer.
const CHECKED_WITHIN: Duration = Duration::from_secs(2);
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);
/// A person's sessions; the oldest give way.
const SESSIONS_MAX: i64 = 100;

/// The device that signs in.
#[derive(Clone, Debug)]
pub struct Device {
    pub name: String,
    pub address: IpAddr,
}

impl Device {
    /// A device, named by its `User-Agent`.
    #[must_use]
    pub fn new(user_agent: Option<&str>, address: IpAddr) -> Self {
        Self { name: devices::name(user_agent.unwrap_or_default()), address: address.to_canonical() }
    }
}

/// The sessions lately seen alive.
pub struct LiveSessions(Cache<Actor, bool>);

impl Default for LiveSessions {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(100_000).time_to_live(KNOWN_FOR).build())
    }
}

/// Registers a person and signs them in.
///
/// # Errors
/// `invalid_input` with every refused field, `conflict` when the name is taken, `rate_limited`.
pub async fn register(node: &Node, device: &Device, data: Register) -> Result<(Actor, Me)> {
    node.rates.registrations.take(Network::from(device.address))?;
    let mut fields = Fields::default();
    let username = fields.take("username", Username::parse(&data.username));
    let password = fields.take("password", Password::parse(&data.password));
    let shown = data.display_name.as_deref();
    let display_name = shown.and_then(|name| fields.take("display_name", DisplayName::parse(name)));
    let email = data.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
    let email = email.and_then(|email| fields.take("email", profiles::rules::parse_email(email)));
    let names = [data.username.as_str(), shown.unwrap_or_default()];
    if let Some(password) = &password
        && is_common(password, &names).await?
    {
        fields.refuse("password", Problem::CommonPassword);
    }
    fields.check()?;
    let (Some(username), Some(password)) = (username, password) else { return Err(Rejection::internal("unchecked")) };
    let display_name = display_name.map_or_else(|| username.as_str().to_owned(), DisplayName::into_string);

    let hash = passwords::hash(password).await?;
    let user_id = UserId::fresh();
    let mut tx = database::begin(&node.db).await?;
    let new = queries::NewUser { user_id, username: username.as_str(), display_name: &display_name, email };
    if !queries::insert_user(&mut tx, new, &hash).await? {
        let mut taken = Rejection::conflict("This user name is taken.");
        taken.error.fields.insert("username".into(), Problem::Taken.name().into());
        return Err(taken);
    }
    chat::create_saved(&mut tx, user_id).await?;
    tx.commit().await?;
    let actor = open_session(node, user_id, device).await?;
    Ok((actor, profiles::me(node, actor).await?))
}

/// Signs a person in. Known and unknown names answer alike, in words and in time.
///
/// # Errors
/// `invalid_input` for an empty name or password, `unauthenticated` for a wrong one, `rate_limited`
/// after too many.
pub async fn sign_in(node: &Node, device: &Device, data: SignIn) -> Result<(Actor, Me)> {
    let mut fields = Fields::default();
    for (name, typed) in [("login", data.login.trim()), ("password", &data.password)] {
        if typed.is_empty() {
            fields.refuse(name, Problem::Required);
        }
    }
    fields.check()?;
    let network = Network::from(device.address);
    let username = Username::parse(&data.login).ok();
    // Counted as the name it is, however it is spelled.
    let typed = || data.login.chars().take(*limits::USERNAME.end() * 2).collect();
    let account = username.as_ref().map_or_else(typed, |name| name.as_str().to_owned());
    // The network first: one that is refused opens no counters of names.
    let from_network = node.rates.sign_ins_from_network.attempt(network).await?;
    let to_account = match node.rates.sign_ins_to_account.attempt((account, network)).await {
        Ok(attempt) => attempt,
        Err(rejection) => {
            from_network.succeeded();
            return Err(rejection);
        }
    };
    let compared = async {
        let stored = match &username {
            Some(username) => queries::password_of(&node.db, username.as_str()).await?,
            None => None,
        };
        let (user_id, hash) = stored.unzip();
        let hash = hash.flatten();
        let matches = passwords::verify(&data.password, hash.clone()).await?;
        Ok((user_id, hash, matches))
    };
    let (user_id, hash, matches) = match compared.await {
        Ok(compared) => compared,
        Err(rejection) => {
            // What could not be compared has not failed.
            from_network.succeeded();
            to_account.succeeded();
            return Err(rejection);
        }
    };
    let refused = || {
        tracing::info!(user.id = user_id.map(tracing::field::display), ip = %device.address, "sign-in refused");
        Rejection::new(ErrorCode::Unauthenticated, "The user name or the password is wrong.")
    };
    let (Some(user_id), Some(hash), true) = (user_id, hash, matches) else { return Err(refused()) };
    from_network.succeeded();
    to_account.succeeded();
    let mut tx = database::begin(&node.db).await?;
    // Somebody may have changed it while it was compared.
    if !queries::lock_password(&mut tx, user_id, &hash).await? {
        return Err(refused());
    }
    let (actor, ended) = new_session(&mut tx, user_id, device).await?;
    tx.commit().await?;
    close(node, user_id, ended).await;
    Ok((actor, profiles::me(node, actor).await?))
}

/// Opens a session for somebody known by other means than a password.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn open_session(node: &Node, user_id: UserId, device: &Device) -> Result<Actor> {
    let mut tx = database::begin(&node.db).await?;
    let (actor, ended) = new_session(&mut tx, user_id, device).await?;
    tx.commit().await?;
    close(node, user_id, ended).await;
    Ok(actor)
}

async fn new_session(tx: &mut PgConnection, user_id: UserId, device: &Device) -> Result<(Actor, Vec<SessionId>)> {
    let actor = Actor { user_id, session_id: SessionId::fresh() };
    let ended = queries::insert_session(tx, actor, device, SESSIONS_MAX).await?;
    Ok((actor, ended))
}

/// The pair an API client holds.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn issue_tokens(node: &Node, actor: Actor) -> Result<Tokens> {
    let mut tx = database::begin(&node.db).await?;
    let tokens = new_tokens(node, &mut tx, actor).await?;
    tx.commit().await?;
    Ok(tokens)
}

async fn new_tokens(node: &Node, tx: &mut PgConnection, actor: Actor) -> Result<Tokens> {
    let (secret, hash) = tokens::fresh_secret();
    queries::insert_refresh_token(tx, actor, &hash).await?;
    Ok(Tokens {
        access_token: node.tokens.sign(TokenType::Access, actor)?,
        token_type: "Bearer".into(),
        expires_in: tokens::ACCESS_LIFE.as_secs(),
        refresh_token: format!("{}.{secret}", actor.user_id),
    })
}

/// Trades a refresh token, which works once, for a new pair. A used one ends its session: somebody
/// else has it too.
///
/// # Errors
/// `unauthenticated`.
pub async fn refresh(node: &Node, refresh_token: &str) -> Result<Tokens> {
    let (user_id, secret) = refresh_token.split_once('.').ok_or_else(Rejection::unauthenticated)?;
    let user_id: UserId = user_id.parse().map_err(|_| Rejection::unauthenticated())?;
    let hash = tokens::hash_secret(secret);
    // One transaction: a pair that could not be made leaves the token as it was.
    let mut tx = database::begin(&node.db).await?;
    if let Some(session_id) = queries::redeem_refresh_token(&mut tx, user_id, &hash).await? {
        let tokens = new_tokens(node, &mut tx, Actor { user_id, session_id }).await?;
        tx.commit().await?;
        return Ok(tokens);
    }
    drop(tx);
    if let Some(session_id) = queries::session_of_refresh_token(&node.db, user_id, &hash).await? {
        tracing::warn!(user.id = %user_id, "a refresh token was used twice; its session ends");
        end_sessions(node, user_id, Some(session_id), None).await?;
    }
    Err(Rejection::unauthenticated())
}

/// Who brings this token, if its session lives. The knowledge is half a second old at most.
///
/// # Errors
/// `unauthenticated`.
pub async fn authenticate(node: &Node, typ: TokenType, token: &str) -> Result<Verified> {
    let verified = node.tokens.verify(typ, token).ok_or_else(Rejection::unauthenticated)?;
    let actor = verified.actor;
    let lives = node.sessions.0.try_get_with(actor, queries::touch_session(&node.sessions_db, actor));
    match timeout(CHECKED_WITHIN, lives).await {
        Ok(Ok(true)) => Ok(verified),
        Ok(Ok(false)) => Err(Rejection::unauthenticated()),
        Ok(Err(error)) => {
            tracing::warn!(cause = %error, "a session could not be checked");
            Err(Rejection::unavailable())
        }
        Err(_) => {
            tracing::warn!("a session could not be checked in time");
            Err(Rejection::unavailable())
        }
    }
}

/// A cookie's token anew, and its session's life with it.
///
/// # Errors
/// `unavailable` when the database does not answer.
pub async fn renew_session(node: &Node, actor: Actor) -> Result<String> {
    queries::extend_session(&node.db, actor).await?;
    node.tokens.sign(TokenType::Session, actor)
}

/// # Errors
/// `unavailable` when the database does not answer.
pub async fn sign_out(node: &Node, actor: Actor) -> Result<()> {
    end_sessions(node, actor.user_id, Some(actor.session_id), None).await
}

/// Changes the password and ends all other sessions.
///
/// # Errors
/// `invalid_input` naming `current` or `new`, `rate_limited`.
pub async fn change_password(node: &Node, actor: Actor, data: ChangePassword) -> Result<()> {
    let me = profiles::me(node, actor).await?;
    let mut fields = Fields::default();
    // The session is the device here: a stolen one must not guess the password behind it.
    let account = (actor.session_id.to_string(), Network::from(IpAddr::from([0, 0, 0, 0])));
    let attempt = node.rates.sign_ins_to_account.attempt(account).await?;
    let new = fields.take("new", Password::parse(&data.new));
    if let Some(new) = &new
        && is_common(new, &[&me.user.username, &me.user.display_name]).await?
    {
        fields.refuse("new", Problem::CommonPassword);
    }
    let compared = async {
        let hash = queries::password_of(&node.db, &me.user.username).await?.and_then(|(_, hash)| hash);
        Ok((passwords::verify(&data.current, hash.clone()).await?, hash))
    };
    let (matches, hash) = match compared.await {
        Ok(compared) => compared,
        Err(rejection) => {
            attempt.succeeded();
            return Err(rejection);
        }
    };
    if matches {
        attempt.succeeded();
    } else {
        tracing::info!(user.id = %actor.user_id, "a wrong current password");
        fields.refuse("current", Problem::WrongPassword);
    }
    fields.check()?;
    let Some(new) = new else { return Err(Rejection::internal("unchecked")) };
    let new = passwords::hash(new).await?;
    let mut tx = database::begin(&node.db).await?;
    // Of two changes at once the second was made with a password that is no more.
    if !queries::lock_password(&mut tx, actor.user_id, &hash.unwrap_or_default()).await? {
        return Err(Rejection::field("current", Problem::WrongPassword));
    }
    set_password(node, tx, actor.user_id, &new, Some(actor.session_id)).await
}

/// Sets a password and ends the sessions that the old one opened, but one.
async fn set_password(
    node: &Node,
    mut tx: Transaction<'static, Postgres>,
    user_id: UserId,
    hash: &str,
    but: Option<SessionId>,
) -> Result<()> {
    queries::set_password(&mut tx, user_id, hash).await?;
    let ended = queries::end_sessions(&mut *tx, user_id, None, but).await?;
    tx.commit().await?;
    close(node, user_id, ended).await;
    Ok(())
}

/// # Errors
/// `unavailable` when the database does not answer.
pub async fn sessions(node: &Node, actor: Actor) -> Result<Vec<Session>> {
    queries::sessions(&node.db, actor).await
}

/// Ends one of one's own sessions.
///
/// # Errors
/// `not_found`, also for somebody else's.
pub async fn revoke_session(node: &Node, actor: Actor, session_id: SessionId) -> Result<()> {
    let ended = queries::end_sessions(&node.db, actor.user_id, Some(session_id), None).await?;
    if ended.is_empty() {
        return Err(Rejection::not_found());
    }
    close(node, actor.user_id, ended).await;
    Ok(())
}

/// Sets a password without the old one, and ends all sessions. For the operator's command.
///
/// # Errors
/// `not_found`, `invalid_input`.
pub async fn reset_password(node: &Node, username: &str, password: &str) -> Result<()> {
    let user = profiles::called(node, username).await?;
    let password = Password::parse(password).map_err(|problem| Rejection::field("password", problem))?;
    if is_common(&password, &[&user.username]).await? {
        return Err(Rejection::field("password", Problem::CommonPassword));
    }
    let hash = passwords::hash(password).await?;
    set_password(node, database::begin(&node.db).await?, user.id, &hash, None).await
}

/// Ends all sessions of a person. For the operator's command.
///
/// # Errors
/// `not_found`.
pub async fn revoke_sessions(node: &Node, username: &str) -> Result<()> {
    let user = profiles::called(node, username).await?;
    end_sessions(node, user.id, None, None).await
}

/// Makes somebody a site admin.
///
/// # Errors
/// `not_found`.
pub async fn make_admin(node: &Node, username: &str) -> Result<()> {
    let user = profiles::called(node, username).await?;
    Ok(queries::set_admin(&node.db, user.id).await?)
}

/// Forgets sessions that ended long ago, and their tokens, until the shutdown.
pub async fn forget_ended_sessions(node: Node) {
    let mut tick = tokio::time::interval(FORGET_EVERY);
    loop {
        tokio::select! {
            () = node.shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = queries::forget_ended_sessions(&node.db).await {
            tracing::warn!(cause = %error, "ended sessions could not be forgotten");
        }
    }
}

/// Closes sockets whose session was ended by another node, until the shutdown.
pub async fn watch_sessions(node: Node) {
    let mut tick = tokio::time::interval(KNOWN_FOR);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = node.shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        let open = node.live.sessions();
        if open.is_empty() {
            continue;
        }
        match timeout(CHECKED_WITHIN, queries::ended_among(&node.sessions_db, &open)).await {
            Ok(Ok(ended)) => ended.into_iter().for_each(|actor| node.live.revoke(actor)),
            Ok(Err(error)) => tracing::warn!(cause = %error, "sessions could not be watched"),
            Err(_) => tracing::warn!("sessions could not be watched in time"),
        }
    }
}

async fn end_sessions(node: &Node, user_id: UserId, only: Option<SessionId>, but: Option<SessionId>) -> Result<()> {
    let ended = queries::end_sessions(&node.db, user_id, only, but).await?;
    close(node, user_id, ended).await;
    Ok(())
}

/// Forgets that sessions were alive, and closes their sockets.
async fn close(node: &Node, user_id: UserId, ended: Vec<SessionId>) {
    for session_id in ended {
        let actor = Actor { user_id, session_id };
        node.sessions.0.insert(actor, false).await;
        node.live.revoke(actor);
    }
}
