//! Passwords: argon2id, in blocking threads, with bounded concurrency.

use crate::{Rejection, Result};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use protocol::text::Password;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Each hash occupies 19 MiB and a core.
static AT_ONCE: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// The hash to compare with for an unknown name, so that the response takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

/// Computes the hash for unknown names in advance, so that the first response takes no longer.
pub fn warm_up() {
    tokio::task::spawn_blocking(|| LazyLock::force(&NOBODY));
}

/// A password that takes fewer guesses is on the lists that attackers try first.
const GUESSES: u64 = 100_000;
/// The number of characters that the estimate reads.
const ESTIMATED: usize = 32;

/// Whether a password is among the first that an attacker tries, or consists of `context` words.
///
/// # Errors
/// `internal` if the runtime is shutting down.
pub async fn is_common(password: &Password, context: &[&str]) -> Result<bool> {
    // The estimate is slow for long passwords, and those are on no list.
    let head: String = password.expose().chars().take(ESTIMATED).collect();
    let words: Vec<String> = context.iter().copied().chain(["messenger"]).map(str::to_owned).collect();
    in_background(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        zxcvbn::zxcvbn(&head, &words).guesses() < GUESSES
    })
    .await
}

/// The hash of a password, as a PHC string.
pub async fn hash(password: Password) -> Result<String> {
    in_background(move || hash_now(password.expose())).await?.ok_or_else(|| Rejection::internal("argon2 failed"))
}

/// Whether a password matches the stored hash. Without a stored hash it takes the same time.
pub async fn verify(typed: &str, stored: Option<String>) -> Result<bool> {
    let typed = Password::parse(typed).ok();
    in_background(move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.clone());
        let typed = typed.as_ref().map_or("", Password::expose);
        let matches = PasswordHash::new(&stored)
            .is_ok_and(|hash| Argon2::default().verify_password(typed.as_bytes(), &hash).is_ok());
        matches && known
    })
    .await
}

fn hash_now(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).ok()
}

/// Runs CPU-bound work in a blocking thread, at most one per core.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let permit = AT_ONCE.acquire().await.map_err(Rejection::internal)?;
    // The work continues if the caller is cancelled, and holds its permit until it ends.
    let work = move || {
        let _permit = permit;
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(Rejection::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn common_passwords_are_recognised() {
        for (password, common) in [
            ("password123", true),
            ("1234567890", true),
            ("qwertyuiop", true),
            ("aaaaaaaaaaaa", true),
            ("alice_smith", true),
            ("correct horse battery", false),
            ("пароль-как-стихи", false),
            ("long enough 1", false),
            ("4@8({[<369!1|70$5+%24@8({[<369!1|70$5+%2", false),
        ] {
            let parsed = Password::parse(password).unwrap();
            assert_eq!(is_common(&parsed, &["alice_smith"]).await.unwrap(), common, "{password}");
        }
    }

    #[tokio::test]
    async fn a_hash_verifies_only_its_password() {
        let stored = hash(Password::parse("correct horse").unwrap()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify("correct horse", Some(stored.clone())).await.unwrap());
        assert!(!verify("correct hors", Some(stored)).await.unwrap());
        assert!(!verify("nobody has this password", None).await.unwrap());
    }
}
