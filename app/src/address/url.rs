//! The paths and queries of addresses: parsed, built, encoded.

/// The segments of a path, and its query; a fragment is ignored.
pub fn split(text: &str) -> (Vec<&str>, Query) {
    let text = text.split('#').next().unwrap_or_default();
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    (path.split('/').filter(|segment| !segment.is_empty()).collect(), Query::parse(query))
}

/// The pairs of a query, decoded.
pub struct Query(pub Vec<(String, String)>);

impl Query {
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(pairs.map(|(name, value)| (decode(name), decode(value))).collect())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// The first value of a name; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    pub fn text(&self, name: &str) -> String {
        self.get(name).to_owned()
    }
}

/// A URL that is being built.
#[derive(Default)]
pub struct Url(pub String);

impl Url {
    pub fn path(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Adds a text to the path.
    pub fn segment(&mut self, text: &str) {
        encode(text, &mut self.0);
    }

    /// Adds a pair to the query, unless its value is empty.
    pub fn pair(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            encode(name, &mut self.0);
            self.0.push('=');
            encode(value, &mut self.0);
        }
    }
}

/// A text for the query of an address.
#[cfg(feature = "hydrate")]
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut url = String::new();
    encode(text, &mut url);
    url
}

/// Percent-encodes all characters that are special in a path or a query, except commas and brackets.
fn encode(text: &str, to: &mut String) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,[]".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// Decodes a percent-encoded text. Forms write a space as `+`. An invalid code stays unchanged.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let code = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(code.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
