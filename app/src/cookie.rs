//! Reading cookies.

/// The cookie that names the user of the session: the offline page cannot read the session cookie. The item of the local
/// storage with this name is the user whose chats are stored.
pub const PERSON: &str = "person";

/// The value of a cookie in a `Cookie` header or in `document.cookie`.
#[must_use]
pub fn in_line<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(other, _)| *other == name).map(|(_, value)| value)
}

/// The value of a cookie of a request.
#[cfg(feature = "ssr")]
#[must_use]
pub fn of_request<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<&'a str> {
    let mut lines = headers.get_all(http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.find_map(|line| in_line(line, name))
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, header::COOKIE};

    #[test]
    fn a_cookie_is_found_in_any_line_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; ab=2;b=x=y; empty="));
        headers.append(COOKIE, HeaderValue::from_static("c=3; a=4"));
        for (name, value) in [
            ("a", Some("1")),
            ("ab", Some("2")),
            ("b", Some("x=y")),
            ("empty", Some("")),
            ("c", Some("3")),
            ("x", None),
        ] {
            assert_eq!(of_request(&headers, name), value, "{name}");
        }
    }
}
