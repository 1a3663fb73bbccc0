//! Registration, sign-in and sessions. Must not know the user's chats: `chat` creates the first one.

mod devices;
mod passwords;
mod queries;

use crate::{
    Actor, Node, Rejection, Result, chat,
    infra::{
        database,
        rates::{Attempt, Network},
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
use sqlx::PgConnection;
use std::{net::IpAddr, time::Duration};
use tokio::time::timeout;

pub use passwords::{is_common, warm_up};

/// How long the result of a session check is cached; PROTOCOL G7 allows a second.
const KNOWN_FOR: Duration = Duration::from_millis(500);
/// How long a request waits for the check of its session.
const CHECKED_WITHIN: Duration = Duration::from_secs(2);
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);
const FORGET_BATCH: usize = 200;
/// Maximum live sessions of a user. One more ends the session that was used least recently.
const SESSIONS_MAX: i64 = 100;

/// The device that signs in.
#[derive(Clone, Debug)]
pub struct Device {
    pub name: String,
    pub address: IpAddr,
}

impl Device {
    /// A device with the name that its `User-Agent` suggests.
    #[must_use]
    pub fn new(user_agent: Option<&str>, address: IpAddr) -> Self {
        Self { name: devices::name(user_agent.unwrap_or_default()), address: address.to_canonical() }
    }
}

/// Whether the sessions of recent requests are live.
pub struct LiveSessions(Cache<Actor, bool>);

impl Default for LiveSessions {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(100_000).time_to_live(KNOWN_FOR).build())
    }
}

/// Registers a user and signs them in.
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

/// Signs a user in. Known and unknown names get the same response in the same time.
///
/// # Errors
/// `invalid_input` for an empty name or password, `unauthenticated` for a wrong one, `rate_limited`
/// after too many failures.
pub async fn sign_in(node: &Node, device: &Device, data: SignIn) -> Result<(Actor, Me)> {
    let login = data.login.trim();
    let mut fields = Fields::default();
    for (name, typed) in [("login", login), ("password", &data.password)] {
        if typed.is_empty() {
            fields.refuse(name, Problem::Required);
        }
    }
    fields.check()?;
    // Pages show user names as @name, so users may type the @ here too.
    let username = Username::parse(login.strip_prefix('@').unwrap_or(login)).ok();
    let username = username.as_ref().map(Username::as_str);
    let attempts = Attempts::begin(node, device, username.unwrap_or(login)).await?;
    let compared = compare(node, username, &data.password).await;
    // An attempt that could not be checked does not count as a failure.
    if compared.as_ref().map_or(true, |compared| compared.matches) {
        attempts.succeeded();
    }
    let Compared { user_id, hash, matches } = compared?;
    let refused = || {
        tracing::info!(user.id = user_id.map(tracing::field::display), ip = %device.address, "sign-in refused");
        Rejection::new(ErrorCode::Unauthenticated, "The user name or the password is wrong.")
    };
    let (Some(user_id), Some(hash), true) = (user_id, hash, matches) else { return Err(refused()) };
    let mut tx = database::begin(&node.db).await?;
    // The password may have been changed after it was compared.
    if !queries::lock_password(&mut tx, user_id, &hash).await? {
        return Err(refused());
    }
    let (actor, ended) = new_session(&mut tx, user_id, device).await?;
    tx.commit().await?;
    close(node, user_id, ended).await;
    Ok((actor, profiles::me(node, actor).await?))
}

/// An attempt to sign in. For the network and for the account it counts as a failure, unless `succeeded` is called.
struct Attempts {
    from_network: Attempt,
    to_account: Attempt,
}

impl Attempts {
    /// `name` is the normalised user name, so that all its spellings count together; for an invalid one, the input.
    async fn begin(node: &Node, device: &Device, name: &str) -> Result<Self> {
        let network = Network::from(device.address);
        let account: String = name.chars().take(*limits::USERNAME.end() * 2).collect();
        // The network first: a refused network must not create counters for names.
        let from_network = node.rates.sign_ins_from_network.attempt(network).await?;
        match node.rates.sign_ins_to_account.attempt((account, network)).await {
            Ok(to_account) => Ok(Self { from_network, to_account }),
            Err(rejection) => {
                from_network.succeeded();
                Err(rejection)
            }
        }
    }

    fn succeeded(self) {
        self.from_network.succeeded();
        self.to_account.succeeded();
    }
}

struct Compared {
    user_id: Option<UserId>,
    hash: Option<String>,
    matches: bool,
}

/// Compares a password with the stored one. For an unknown name it takes the same time.
async fn compare(node: &Node, username: Option<&str>, password: &str) -> Result<Compared> {
    let stored = match username {
        Some(username) => queries::password_of(&node.db, username).await?,
        None => None,
    };
    let (user_id, hash) = stored.unzip();
    let hash = hash.flatten();
    let matches = passwords::verify(password, hash.clone()).await?;
    Ok(Compared { user_id, hash, matches })
}

/// Opens a session for a user who was identified without a password.
///
/// # Errors
/// `unavailable` if the database does not respond.
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

/// The access token and the refresh token of an API client.
///
/// # Errors
/// `unavailable` if the database does not respond.
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

/// Exchanges a refresh token for a new pair. The token works once: a second use ends its session, because the token
/// may be stolen.
///
/// # Errors
/// `unauthenticated`.
pub async fn refresh(node: &Node, refresh_token: &str) -> Result<Tokens> {
    let (user_id, secret) = refresh_token.split_once('.').ok_or_else(Rejection::unauthenticated)?;
    let user_id: UserId = user_id.parse().map_err(|_| Rejection::unauthenticated())?;
    let hash = tokens::hash_secret(secret);
    // One transaction: if the new pair is not stored, the old token stays valid.
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

/// The user and the session of a token, if the session is live. The check is at most half a second old.
///
/// # Errors
/// `unauthenticated`.
pub async fn authenticate(node: &Node, typ: TokenType, token: &str) -> Result<Verified> {
    let verified = node.tokens.verify(typ, token).await.ok_or_else(Rejection::unauthenticated)?;
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

/// Whether the session of a valid token was ended, by its user or for safety. A session that expired was not, nor one
/// that cannot be checked in time.
pub async fn was_ended(node: &Node, typ: TokenType, token: &str) -> bool {
    let Some(verified) = node.tokens.verify(typ, token).await else { return false };
    let revoked = timeout(CHECKED_WITHIN, queries::is_revoked(&node.sessions_db, verified.actor)).await;
    matches!(revoked, Ok(Ok(true)))
}

/// A new token for the cookie of a session; extends the session's life.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn renew_session(node: &Node, actor: Actor) -> Result<String> {
    queries::extend_session(&node.db, actor).await?;
    node.tokens.sign(TokenType::Session, actor)
}

/// # Errors
/// `unavailable` if the database does not respond.
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
    // Failures count per session: a stolen session must not allow guesses at the password.
    let account = (actor.session_id.to_string(), Network::from(IpAddr::from([0, 0, 0, 0])));
    let attempt = node.rates.sign_ins_to_account.attempt(account).await?;
    let new = fields.take("new", Password::parse(&data.new));
    if let Some(new) = &new
        && is_common(new, &[&me.user.username, &me.user.display_name]).await?
    {
        fields.refuse("new", Problem::CommonPassword);
    }
    let compared = compare(node, Some(&me.user.username), &data.current).await;
    // An attempt that could not be checked does not count as a failure.
    if compared.as_ref().map_or(true, |compared| compared.matches) {
        attempt.succeeded();
    }
    let Compared { hash, matches, .. } = compared?;
    if matches && new.as_ref().is_some_and(|new| is_same(new, &data.current)) {
        fields.refuse("new", Problem::Unchanged);
    }
    if !matches {
        tracing::info!(user.id = %actor.user_id, "password change refused: the current password is wrong");
        fields.refuse("current", Problem::WrongPassword);
    }
    fields.check()?;
    let Some(new) = new else { return Err(Rejection::internal("unchecked")) };
    let new = passwords::hash(new).await?;
    let mut tx = database::begin(&node.db).await?;
    // A concurrent change may have replaced the password that was compared.
    if !queries::lock_password(&mut tx, actor.user_id, &hash.unwrap_or_default()).await? {
        return Err(Rejection::field("current", Problem::WrongPassword));
    }
    set_password(node, tx, actor.user_id, &new, Some(actor.session_id)).await
}

fn is_same(password: &Password, raw: &str) -> bool {
    Password::parse(raw).is_ok_and(|other| other.expose() == password.expose())
}

/// Sets a password and ends all sessions except `but`.
async fn set_password(
    node: &Node,
    mut tx: database::Transaction,
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
/// `unavailable` if the database does not respond.
pub async fn sessions(node: &Node, actor: Actor) -> Result<Vec<Session>> {
    queries::sessions(&node.db, actor).await
}

/// Ends all other sessions of the user.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn revoke_other_sessions(node: &Node, actor: Actor) -> Result<()> {
    end_sessions(node, actor.user_id, None, Some(actor.session_id)).await
}

/// Ends one of the user's own sessions.
///
/// # Errors
/// `not_found`, also for a session of another user.
pub async fn revoke_session(node: &Node, actor: Actor, session_id: SessionId) -> Result<()> {
    let ended = queries::end_sessions(&node.db, actor.user_id, Some(session_id), None).await?;
    if ended.is_empty() {
        return Err(Rejection::not_found());
    }
    close(node, actor.user_id, ended).await;
    Ok(())
}

/// Sets a password without the current one, and ends all sessions. For the operator's command.
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

/// Ends all sessions of a user. For the operator's command.
///
/// # Errors
/// `not_found`.
pub async fn revoke_sessions(node: &Node, username: &str) -> Result<()> {
    let user = profiles::called(node, username).await?;
    end_sessions(node, user.id, None, None).await
}

/// Makes a user a site admin.
///
/// # Errors
/// `not_found`.
pub async fn make_admin(node: &Node, username: &str) -> Result<()> {
    let user = profiles::called(node, username).await?;
    Ok(queries::set_admin(&node.db, user.id).await?)
}

/// Until the shutdown, deletes sessions that ended long ago and refresh tokens that are no longer needed.
pub async fn forget_ended_sessions(node: Node) {
    let mut tick = tokio::time::interval(FORGET_EVERY);
    loop {
        tokio::select! {
            () = node.shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        tokio::select! {
            () = node.shutdown.cancelled() => return,
            forgotten = forget(&node) => if let Err(error) = forgotten {
                tracing::warn!(cause = %error, "ended sessions could not be deleted");
            }
        }
    }
}

/// Deletes in batches: one large transaction would hold its locks and its dead rows for too long.
async fn forget(node: &Node) -> Result<()> {
    while queries::delete_refresh_tokens(&node.db, FORGET_BATCH).await? == FORGET_BATCH {}
    while queries::delete_ended_sessions(&node.db, FORGET_BATCH).await? == FORGET_BATCH {}
    Ok(())
}

/// Loads the signing keys that other nodes created, until the shutdown.
pub async fn load_keys(node: Node) {
    let mut tick = tokio::time::interval(tokens::LOAD_EVERY);
    loop {
        tokio::select! {
            () = node.shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = node.tokens.load().await {
            tracing::warn!(cause = %error, "the signing keys could not be loaded");
        }
    }
}

/// Closes the sockets whose session another node ended, until the shutdown.
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

/// Marks sessions as ended, and closes their sockets.
async fn close(node: &Node, user_id: UserId, ended: Vec<SessionId>) {
    for session_id in ended {
        let actor = Actor { user_id, session_id };
        node.sessions.0.insert(actor, false).await;
        node.live.revoke(actor);
    }
}
