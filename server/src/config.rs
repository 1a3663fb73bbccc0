//! What an operator may set: flags, and environment variables of the same name.

use clap::{Args, ValueEnum};
#[cfg(debug_assertions)]
use services::Mutant;
use services::Settings;
use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// Where to listen.
    #[arg(long, env = "MESSENGER_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub data: Data,
    /// The built front end.
    #[arg(long, env = "MESSENGER_SITE_DIR", default_value = "target/site")]
    pub site_dir: PathBuf,
    /// What this process takes on; several are separated by commas.
    #[arg(long, env = "MESSENGER_ROLE", value_delimiter = ',', default_value = "all")]
    pub role: Vec<Role>,
    /// The address people type, such as https://chat.example; without it, the request's own Host.
    #[arg(long, env = "MESSENGER_PUBLIC_URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// Proxies whose X-Forwarded-For is believed; several are separated by commas.
    #[arg(long, env = "MESSENGER_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// Whether people are held to the documented rates; `off` is for load tests.
    #[arg(long, env = "MESSENGER_LIMITS", default_value = "on")]
    pub limits: Switch,
    /// Seconds between saying "not ready" and refusing connections: how long a proxy takes to notice.
    #[arg(long, env = "MESSENGER_DRAIN_DELAY", default_value = "0")]
    pub drain_delay: u8,
    /// Changes of one chat committed together at most.
    #[arg(long, env = "MESSENGER_BATCH", default_value = "256")]
    pub batch: NonZeroUsize,
    /// What a debug build does wrong on purpose; see `bench verify --mutant`.
    #[cfg(debug_assertions)]
    #[arg(long, hide = true, value_parser = mutant)]
    pub mutant: Option<Mutant>,
}

#[derive(Args, Clone, Debug)]
pub struct Data {
    #[command(flatten)]
    pub database: Database,
    /// Where everything is kept that has no address of its own.
    #[arg(long, env = "MESSENGER_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub struct Database {
    /// PostgreSQL; without it a private one is started in the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Connections to the database at most.
    #[arg(long, env = "MESSENGER_DATABASE_CONNECTIONS", default_value = "32")]
    pub database_connections: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    All,
    Web,
    Auth,
    Chat,
    Files,
    Worker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[cfg(debug_assertions)]
fn mutant(name: &str) -> Result<Mutant, String> {
    Mutant::from_name(name).ok_or_else(|| format!("there is no mutant {name}"))
}

/// An origin: a scheme and a host, perhaps a port, in the spelling that browsers send.
fn public_url(typed: &str) -> Result<String, String> {
    let wrong = || format!("\"{typed}\" is not of the form https://chat.example");
    let url = typed.trim().trim_end_matches('/').to_ascii_lowercase();
    let uri: axum::http::Uri = url.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if known && host && uri.path() == "/" && uri.query().is_none() { Ok(url) } else { Err(wrong()) }
}

impl Serve {
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            limits: self.limits == Switch::On,
            batch: self.batch,
            #[cfg(debug_assertions)]
            mutant: self.mutant,
            #[cfg(not(debug_assertions))]
            mutant: None,
        }
    }

    /// Whether people reach us by https, so that cookies may be confined to it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

#[cfg(test)]
mod tests {
    use super::public_url;

    #[test]
    fn a_public_url_is_an_origin() {
        for (typed, expected) in [
            ("https://chat.example", Some("https://chat.example")),
            (" HTTPS://Chat.Example/ ", Some("https://chat.example")),
            ("http://192.168.1.2:8080", Some("http://192.168.1.2:8080")),
            ("chat.example", None),
            ("ftp://chat.example", None),
            ("https://chat.example/path", None),
            ("https://me@chat.example", None),
            ("", None),
        ] {
            assert_eq!(public_url(typed).ok().as_deref(), expected, "{typed}");
        }
    }
}
