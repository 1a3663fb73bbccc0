//! Signed tokens (RFC 7519, RFC 8725): EdDSA, one algorithm, two types that never pass for each other.

use super::{clock, database};
use crate::{Actor, Rejection, Result};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use protocol::ids::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

const ISSUER: &str = "messenger";
pub const ACCESS_LIFE: Duration = Duration::from_secs(15 * 60);
pub const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// An API client's, minutes long.
    Access,
    /// The browser's cookie; names its session.
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

/// What a valid token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub actor: Actor,
    /// Seconds since 1970.
    pub issued_at: i64,
    pub expires_at: i64,
}

/// The keys. Made at first start and kept in the database, so that every node has them.
pub struct Tokens {
    key_id: String,
    signing: EncodingKey,
    verifying: BTreeMap<String, (DecodingKey, Vec<u8>)>,
}

#[derive(sqlx::FromRow)]
struct Key {
    key_id: String,
    pkcs8: Vec<u8>,
    public_key: Vec<u8>,
}

impl Tokens {
    /// # Errors
    /// `unavailable` when the database does not answer.
    pub async fn load_or_create(db: &PgPool) -> Result<Self> {
        let mut tx = database::begin(db).await?;
        // Of nodes that start at once, one makes the key.
        sqlx::query("lock table signing_keys in share row exclusive mode").execute(&mut *tx).await?;
        let mut keys = stored_keys(&mut tx).await?;
        if keys.is_empty() {
            create_key(&mut tx).await?;
            keys = stored_keys(&mut tx).await?;
        }
        tx.commit().await?;
        let newest = keys.first().ok_or_else(|| Rejection::internal("no signing key was stored"))?;
        let (key_id, signing) = (newest.key_id.clone(), EncodingKey::from_ed_der(&newest.pkcs8));
        let mut verifying = BTreeMap::new();
        for key in keys {
            let decoding = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(&key.public_key))
                .map_err(Rejection::internal)?;
            verifying.insert(key.key_id, (decoding, key.public_key));
        }
        Ok(Self { key_id, signing, verifying })
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
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(Rejection::internal)
    }

    /// Checks a token: the algorithm is ours, the key is ours, the type is the one wanted. Whether the
    /// session still lives is `auth`'s to say.
    #[must_use]
    pub fn verify(&self, typ: TokenType, token: &str) -> Option<Verified> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let (key, _) = self.verifying.get(header.kid.as_deref()?)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[ISSUER]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_nbf = true;
        validation.leeway = 5;
        validation.required_spec_claims = HashSet::from(["exp", "nbf", "aud", "iss", "sub"].map(str::to_owned));
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation).ok()?.claims;
        let actor = Actor { user_id: claims.sub, session_id: claims.sid };
        (claims.typ == typ).then_some(Verified { actor, issued_at: claims.iat, expires_at: claims.exp })
    }

    /// The public keys (RFC 8037).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let keys = self.verifying.iter().map(|(key_id, (_, public))| {
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
                "kid": key_id, "x": URL_SAFE_NO_PAD.encode(public),
            })
        });
        serde_json::json!({ "keys": keys.collect::<Vec<_>>() })
    }
}

/// A secret of 256 bits, and the hash that is stored of it.
#[must_use]
pub fn fresh_secret() -> (String, Vec<u8>) {
    let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let hash = hash_secret(&secret);
    (secret, hash)
}

/// Secrets of 256 bits need no slow hash.
#[must_use]
pub fn hash_secret(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

async fn stored_keys(tx: &mut PgConnection) -> Result<Vec<Key>> {
    Ok(sqlx::query_as("select key_id, pkcs8, public_key from signing_keys order by created_at, key_id")
        .fetch_all(tx)
        .await?)
}

async fn create_key(tx: &mut PgConnection) -> Result<()> {
    let failed = |_| Rejection::internal("no key could be made");
    let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(failed)?;
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(Rejection::internal)?;
    let public = pair.public_key().as_ref();
    let key_id: String = URL_SAFE_NO_PAD.encode(Sha256::digest(public)).chars().take(16).collect();
    sqlx::query("insert into signing_keys (key_id, pkcs8, public_key, created_at) values ($1, $2, $3, $4)")
        .bind(key_id)
        .bind(pkcs8.as_ref())
        .bind(public)
        .bind(clock::to_database(clock::now()))
        .execute(tx)
        .await?;
    Ok(())
}
