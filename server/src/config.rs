//! The settings of an operator: flags, and environment variables of the same name.

use clap::{Args, ValueEnum};
#[cfg(debug_assertions)]
use services::Mutant;
use services::Settings;
use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// The address to listen on.
    #[arg(long, env = "MESSENGER_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub data: Data,
    /// The folder of the built front end.
    #[arg(long, env = "MESSENGER_SITE_DIR", default_value = "target/site")]
    pub site_dir: PathBuf,
    /// The roles of this process, separated by commas.
    #[arg(long, env = "MESSENGER_ROLE", value_delimiter = ',', default_value = "all")]
    pub role: Vec<Role>,
    /// The address that people open, such as https://chat.example. Without it, the Host header of each request is used.
    #[arg(long, env = "MESSENGER_PUBLIC_URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// The proxies whose X-Forwarded-For is trusted: IP addresses, separated by commas.
    #[arg(long, env = "MESSENGER_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// Whether the documented rate limits apply; `off` is for load tests.
    #[arg(long, env = "MESSENGER_LIMITS", default_value = "on")]
    pub limits: Switch,
    /// Seconds between the first 503 of /readyz and the refusal of connections: a proxy needs this time to notice.
    #[arg(long, env = "MESSENGER_DRAIN_DELAY", default_value = "0")]
    pub drain_delay: u8,
    /// The largest number of changes of one chat in one transaction.
    #[arg(long, env = "MESSENGER_BATCH", default_value = "256")]
    pub batch: NonZeroUsize,
    /// The fault that a debug build injects; see `bench verify --mutant`.
    #[cfg(debug_assertions)]
    #[arg(long, hide = true, value_parser = mutant)]
    pub mutant: Option<Mutant>,
}

#[derive(Args, Clone, Debug)]
pub struct Data {
    #[command(flatten)]
    pub database: Database,
    /// The folder for the private database and all other files of the server.
    #[arg(long, env = "MESSENGER_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub struct Database {
    /// The address of PostgreSQL. Without it, `serve`, `demo` and `admin` use a private
    /// PostgreSQL in the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The largest number of connections to the database.
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

/// Parses an origin (scheme, host and optional port) and returns it as browsers write it.
fn public_url(typed: &str) -> Result<String, String> {
    let wrong = || format!("\"{typed}\" is not of the form https://chat.example");
    let url = typed.trim().trim_end_matches('/').to_ascii_lowercase();
    let uri: axum::http::Uri = url.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let origin = known && host && uri.path() == "/" && uri.query().is_none();
    if origin { Ok(without_default_port(&url).to_owned()) } else { Err(wrong()) }
}

/// An origin as browsers write it: without the port that its scheme implies.
pub fn without_default_port(origin: &str) -> &str {
    let port = if origin.starts_with("https://") { ":443" } else { ":80" };
    origin.strip_suffix(port).unwrap_or(origin)
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

    /// Whether people open the server over https, so that cookies can be limited to https.
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
            ("https://chat.example:443", Some("https://chat.example")),
            ("http://chat.example:80/", Some("http://chat.example")),
            ("https://chat.example:80", Some("https://chat.example:80")),
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
