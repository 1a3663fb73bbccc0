//! What sockets receive because of one commit, or of one event that is not stored.

use super::SocketId;
use bytes::Bytes;
use protocol::{
    chat::Message,
    frames::ServerFrame,
    ids::{ChatId, UserId},
};
use serde::Serialize;

/// The socket that requested a change, and the `ref` of its frame: this socket receives the `ack` instead of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub socket: SocketId,
    pub reference: Option<u64>,
}

/// What one commit, or one event that is not stored, sends. It has no reference to this process.
pub struct Published {
    pub to: To,
    /// In the order of their `seq`.
    pub frames: Vec<Frame>,
    /// The users who get their own summary of the chat (`mine`), before the frames: new members, and users whose own
    /// state of the chat changed.
    pub mine: Vec<UserId>,
    /// The former members of the chat, with their new `mine`: each gets `removed`, and no frame of the chat after it.
    pub left: Vec<(UserId, u64)>,
}

/// Who receives the frames.
#[derive(Debug)]
pub enum To {
    /// The members of a chat as of `members_seq` or later, except one user.
    Members {
        chat_id: ChatId,
        members_seq: u64,
        except: Option<UserId>,
    },
    Users(Vec<UserId>),
}

/// A frame that is encoded once for all its receivers.
#[derive(Clone, Debug)]
pub struct Frame {
    pub bytes: Bytes,
    pub keep: Keep,
    /// The socket that gets an `ack` instead, and the `ack`.
    pub ack: Option<(SocketId, Bytes)>,
}

/// Which frames a full queue keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// A response, or the user's own state: it is never dropped.
    Always,
    /// Catch-up repeats it: a full queue drops it and sends a `resync`.
    IfRoom,
    /// It is worth something only now, and nothing repeats it: a slow reader does not get it.
    IfPrompt,
}

impl Frame {
    #[must_use]
    pub fn new(keep: Keep, frame: &ServerFrame) -> Self {
        Self { bytes: encode(None, frame), keep, ack: None }
    }

    /// A change of a chat. For a message, the socket of `origin` gets the `ack`.
    #[must_use]
    pub fn change(frame: &ServerFrame, origin: Option<Origin>) -> Self {
        let ack = match (frame, origin) {
            (ServerFrame::Message { message, .. }, Some(origin)) => Some((origin.socket, ack(origin, message))),
            _ => None,
        };
        Self { ack, ..Self::new(Keep::IfRoom, frame) }
    }
}

/// The bytes of a `ServerFrame::Ack`.
fn ack(origin: Origin, message: &Message) -> Bytes {
    #[derive(Serialize)]
    struct Ack<'a> {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
        r#type: &'static str,
        message: &'a Message,
    }
    text(&Ack { reference: origin.reference, r#type: "ack", message })
}

impl Published {
    /// For the members of a chat.
    #[must_use]
    pub fn in_chat(chat_id: ChatId, members_seq: u64, frames: Vec<Frame>) -> Self {
        let to = To::Members { chat_id, members_seq, except: None };
        Self { to, frames, mine: Vec::new(), left: Vec::new() }
    }

    /// Their own summaries of a chat, for some users.
    #[must_use]
    pub fn mine(chat_id: ChatId, users: Vec<UserId>) -> Self {
        Self { mine: users, ..Self::in_chat(chat_id, 0, Vec::new()) }
    }

    /// For all sockets of some users.
    #[must_use]
    pub fn for_users(users: Vec<UserId>, frame: Frame) -> Self {
        Self { to: To::Users(users), frames: vec![frame], mine: Vec::new(), left: Vec::new() }
    }
}

/// The longest header of a WebSocket frame that a server sends.
const HEADER_MAX: usize = 10;

/// A frame as the network carries it: a WebSocket message of JSON text (RFC 6455, section 5.2).
#[must_use]
pub fn encode(reference: Option<u64>, frame: &ServerFrame) -> Bytes {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
        #[serde(flatten)]
        frame: &'a ServerFrame,
    }
    text(&Borrowed { reference, frame })
}

fn text(value: &impl Serialize) -> Bytes {
    let mut bytes = vec![0; HEADER_MAX];
    // Serialization cannot fail: frames are plain data, and the keys of their maps are strings.
    let _ = serde_json::to_writer(&mut bytes, value);
    let length = bytes.len() - HEADER_MAX;
    let header = header(length);
    let begin = HEADER_MAX - header.len();
    bytes[begin..HEADER_MAX].copy_from_slice(&header);
    Bytes::from(bytes).slice(begin..)
}

/// The header of a whole text message. A server does not mask.
fn header(length: usize) -> Vec<u8> {
    const WHOLE_TEXT: u8 = 0x81;
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => vec![WHOLE_TEXT, short],
        (_, Ok(medium)) => [&[WHOLE_TEXT, 126], &medium.to_be_bytes()[..]].concat(),
        _ => [&[WHOLE_TEXT, 127], &(length as u64).to_be_bytes()[..]].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_length_in_its_shortest_form() {
        for (length, expected) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(header(length), expected);
        }
    }

    #[test]
    fn a_frame_is_its_header_and_its_json() {
        let json = br#"{"ref":7,"type":"pong"}"#;
        let length = u8::try_from(json.len()).unwrap();
        assert_eq!(encode(Some(7), &ServerFrame::Pong {}), [&[0x81, length], &json[..]].concat());
    }
}
