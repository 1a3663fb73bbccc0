//! Decisions without IO.

use protocol::error::Problem;

pub const LOCALES: &[&str] = &["en", "ru"];
pub const THEMES: &[&str] = &["light", "dark"];

/// Accepts any address with one `@` between two parts; only a delivered e-mail proves an address.
pub fn parse_email(raw: &str) -> Result<&str, Problem> {
    if raw.chars().count() > 254 {
        return Err(Problem::TooLong);
    }
    let sound = raw.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && host.split('.').all(|part| !part.is_empty())
    });
    if !sound || raw.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Problem::Malformed);
    }
    Ok(raw)
}

/// Whether a name has the form of a name in the IANA time zone database.
pub fn is_time_zone(name: &str) -> bool {
    name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (raw, fine) in [
            ("a@b.example", true),
            ("имя@почта.рф", true),
            ("a@localhost", true),
            ("a", false),
            ("@b", false),
            ("a@b@c", false),
            ("a@b..c", false),
            ("a b@c.d", false),
            ("a@b\r\n.c", false),
        ] {
            assert_eq!(parse_email(raw).is_ok(), fine, "{raw:?}");
        }
    }
}
