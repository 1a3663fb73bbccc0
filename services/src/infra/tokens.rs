//! Signed tokens (RFC 7519, RFC 8725) and their keys: one algorithm, EdDSA, and two types.

use super::{
    clock,
    database::{self, Transaction},
};
use crate::{Actor, Rejection, Result};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use protocol::{
    ids::{SessionId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgExecutor, PgPool};
use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

const ISSUER: &str = "messenger";
pub const ACCESS_LIFE: Duration = Duration::from_secs(15 * 60);
pub const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The interval at which each node loads the keys.
pub const LOAD_EVERY: Duration = Duration::from_secs(30);
/// A key signs no token until every node had two chances to load it. A node that missed both loads the key when it
/// receives a token with this key.
pub const SIGNS_AFTER: Duration = Duration::from_secs(60);
/// The least time between two loads for unknown keys.
const LOADS_APART: Duration = Duration::from_secs(1);

/// The purpose of a token. A token of one type never passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// An API client's token, valid for `ACCESS_LIFE`.
    Access,
    /// The browser's cookie, valid for `SESSION_LIFE`.
    Session,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    typ: TokenType,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The content of a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub actor: Actor,
    /// Seconds since 1970.
    pub issued_at: i64,
    pub expires_at: i64,
}

/// The signing keys. The first node creates the first key; the database stores all of them for every node.
pub struct Tokens {
    db: PgPool,
    keys: RwLock<Arc<Keys>>,
    /// When the last load for an unknown key began.
    loaded: Mutex<Instant>,
}

/// The keys whose tokens may still be valid, oldest first; never empty.
struct Keys(Vec<Key>);

struct Key {
    key_id: String,
    created_at: Timestamp,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct StoredKey {
    key_id: String,
    pkcs8: Vec<u8>,
    public_key: Vec<u8>,
    created_at: OffsetDateTime,
}

impl Tokens {
    /// Loads the keys; creates the first one.
    ///
    /// # Errors
    /// `unavailable` if the database does not respond.
    pub async fn load_or_create(db: PgPool) -> Result<Self> {
        let mut tx = lock_keys(&db).await?;
        let mut stored = stored_keys(&mut *tx).await?;
        if stored.is_empty() {
            create_key(&mut tx, clock::now()).await?;
            stored = stored_keys(&mut *tx).await?;
        }
        tx.commit().await?;
        let keys = RwLock::new(Arc::new(Keys::parse(stored)?));
        Ok(Self { db, keys, loaded: Mutex::new(Instant::now()) })
    }

    /// Loads the keys that other nodes created, and drops those whose tokens have all expired.
    ///
    /// # Errors
    /// `unavailable` if the database does not respond.
    pub async fn load(&self) -> Result<()> {
        let stored = database::within(stored_keys(&self.db)).await?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Keys::parse(stored)?);
        Ok(())
    }

    /// Creates a key. Nodes sign with it after `SIGNS_AFTER`; returns its id.
    ///
    /// # Errors
    /// `unavailable` if the database does not respond.
    pub async fn rotate(&self) -> Result<String> {
        let mut tx = lock_keys(&self.db).await?;
        // The newest key must come last, even if a node with a fast clock created the previous key.
        let newest = stored_keys(&mut *tx).await?.last().map(|key| clock::from_database(key.created_at).0);
        let created_at = Timestamp(clock::now().0.max(newest.map_or(0, |newest| newest + 1)));
        let key_id = create_key(&mut tx, created_at).await?;
        tx.commit().await?;
        self.load().await?;
        Ok(key_id)
    }

    fn keys(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs a token of `typ` for a session.
    ///
    /// # Errors
    /// `internal`, if signing fails.
    pub fn sign(&self, typ: TokenType, actor: Actor) -> Result<String> {
        let life = match typ {
            TokenType::Access => ACCESS_LIFE,
            TokenType::Session => SESSION_LIFE,
        };
        let now = clock::now().0 / 1_000;
        let claims = Claims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: actor.user_id,
            sid: actor.session_id,
            typ,
            iat: now,
            nbf: now,
            exp: now + i64::try_from(life.as_secs()).unwrap_or(i64::MAX),
        };
        let keys = self.keys();
        let key = keys.signing().ok_or_else(|| Rejection::internal("there is no signing key"))?;
        let header = Header { kid: Some(key.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.signing).map_err(Rejection::internal)
    }

    /// Checks a token: its algorithm and its key must be ours, and its type must be `typ`. `auth` checks
    /// whether the session is live. A token with an unknown key waits for the next load.
    pub async fn verify(&self, typ: TokenType, token: &str) -> Option<Verified> {
        let key_id = jsonwebtoken::decode_header(token).ok()?.kid?;
        let mut keys = self.keys();
        if keys.get(&key_id).is_none() {
            self.load_unknown().await;
            keys = self.keys();
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[ISSUER]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_nbf = true;
        validation.leeway = 5;
        validation.required_spec_claims = HashSet::from(["exp", "nbf", "aud", "iss", "sub"].map(str::to_owned));
        let claims = jsonwebtoken::decode::<Claims>(token, &keys.get(&key_id)?.verifying, &validation).ok()?.claims;
        let actor = Actor { user_id: claims.sub, session_id: claims.sid };
        (claims.typ == typ).then_some(Verified { actor, issued_at: claims.iat, expires_at: claims.exp })
    }

    /// Loads the keys for a token whose key is unknown: at most once a second, because anyone can invent
    /// a key id. All tokens that arrive meanwhile wait for the same load.
    async fn load_unknown(&self) {
        let asked = Instant::now();
        let mut loaded = self.loaded.lock().await;
        if *loaded > asked {
            return;
        }
        sleep_until(*loaded + LOADS_APART).await;
        *loaded = Instant::now();
        if let Err(error) = self.load().await {
            tracing::warn!(cause = %error, "the signing keys could not be loaded");
        }
    }

    /// The public keys (RFC 8037).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let keys = self.keys();
        let keys = keys.0.iter().map(|key| {
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
                "kid": key.key_id, "x": URL_SAFE_NO_PAD.encode(&key.public),
            })
        });
        serde_json::json!({ "keys": keys.collect::<Vec<_>>() })
    }
}

impl Keys {
    fn parse(stored: Vec<StoredKey>) -> Result<Self> {
        let keys = stored.into_iter().map(|StoredKey { key_id, pkcs8, public_key: public, created_at }| {
            let verifying =
                DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(&public)).map_err(Rejection::internal)?;
            let (signing, created_at) = (EncodingKey::from_ed_der(&pkcs8), clock::from_database(created_at));
            Ok(Key { key_id, created_at, signing, verifying, public })
        });
        let mut keys: Vec<Key> = keys.collect::<Result<_>>()?;
        // A key signs until the next key signs. Its last tokens expire `SESSION_LIFE` later.
        let expired = keys.iter().skip(1).take_while(|next| next.age() > SIGNS_AFTER + SESSION_LIFE).count();
        keys.drain(..expired);
        Ok(Self(keys))
    }

    fn get(&self, key_id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.key_id == key_id)
    }

    /// The newest key that is older than `SIGNS_AFTER`; if there is none, the oldest key.
    fn signing(&self) -> Option<&Key> {
        self.0.iter().rev().find(|key| key.age() > SIGNS_AFTER).or(self.0.first())
    }
}

impl Key {
    fn age(&self) -> Duration {
        Duration::from_millis(u64::try_from(clock::now().0 - self.created_at.0).unwrap_or(0))
    }
}

/// A random secret of 256 bits, and the hash to store instead of it.
#[must_use]
pub fn fresh_secret() -> (String, Vec<u8>) {
    let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let hash = hash_secret(&secret);
    (secret, hash)
}

/// A fast hash: a secret of 256 random bits cannot be guessed.
#[must_use]
pub fn hash_secret(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// Begins a transaction that locks the table of keys: if several nodes start at once, one creates the first key.
async fn lock_keys(db: &PgPool) -> Result<Transaction> {
    // Tokens of a lost key would be worth nothing.
    let lock = "begin; set local synchronous_commit = on; lock table signing_keys in share row exclusive mode";
    Ok(database::begin_with(db, lock).await?.0)
}

async fn stored_keys(db: impl PgExecutor<'_>) -> Result<Vec<StoredKey>> {
    Ok(sqlx::query_as("select key_id, pkcs8, public_key, created_at from signing_keys order by created_at, key_id")
        .fetch_all(db)
        .await?)
}

async fn create_key(tx: &mut PgConnection, created_at: Timestamp) -> Result<String> {
    let failed = |_| Rejection::internal("the key could not be generated");
    let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(failed)?;
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(Rejection::internal)?;
    let public = pair.public_key().as_ref();
    let key_id: String = URL_SAFE_NO_PAD.encode(Sha256::digest(public)).chars().take(16).collect();
    sqlx::query("insert into signing_keys (key_id, pkcs8, public_key, created_at) values ($1, $2, $3, $4)")
        .bind(&key_id)
        .bind(pkcs8.as_ref())
        .bind(public)
        .bind(clock::to_database(created_at))
        .execute(tx)
        .await?;
    Ok(key_id)
}
