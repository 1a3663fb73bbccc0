//! The frames that sockets receive because of one commit, or of one event that is not stored.

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

/// The frames of one commit, or of one event that is not stored, and their receivers.
pub struct Published {
    pub to: To,
    /// In the order of their `seq`.
    pub frames: Vec<Frame>,
    /// The users who get their own summary of the chat (`mine`), before the frames: new members, and users whose own
    /// state of the chat changed.
    pub mine: Vec<UserId>,
    /// The users who left the chat or were removed, with their new `mine`: each gets `removed`, and no frame of the chat
    /// after it.
    pub departed: Vec<(UserId, u64)>,
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
    /// A full queue drops it and sends a `resync`. Catch-up repeats stored changes.
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
        Self { to, frames, mine: Vec::new(), departed: Vec::new() }
    }

    /// Their own summaries of a chat, for some users.
    #[must_use]
    pub fn mine(chat_id: ChatId, users: Vec<UserId>) -> Self {
        Self { mine: users, ..Self::in_chat(chat_id, 0, Vec::new()) }
    }

    /// For all sockets of some users.
    #[must_use]
    pub fn for_users(users: Vec<UserId>, frame: Frame) -> Self {
        Self { to: To::Users(users), frames: vec![frame], mine: Vec::new(), departed: Vec::new() }
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
    fn the_ack_of_a_change_is_the_frame_of_the_protocol() {
        let message = crate::chat::empty_message(ChatId::fresh(), (1, 2), UserId::fresh());
        let origin = Origin { socket: SocketId(1), reference: Some(7) };
        assert_eq!(ack(origin, &message), encode(Some(7), &ServerFrame::Ack { message }));
    }

    #[test]
    fn a_message_adds_this_many_bytes_to_its_text() {
        let chat_id = ChatId::fresh();
        let empty = crate::chat::empty_message(chat_id, (1, 2), UserId::fresh());
        let message = Message { text: "x".repeat(100), kind: protocol::chat::MessageKind::Text, ..empty };
        let frame = ServerFrame::Message { chat_id, seq: message.seq, message };
        assert_eq!(encode(None, &frame).len() - 100, 495);
    }

    #[test]
    fn a_frame_is_its_header_and_its_json() {
        let json = br#"{"ref":7,"type":"pong"}"#;
        let length = u8::try_from(json.len()).unwrap();
        assert_eq!(encode(Some(7), &ServerFrame::Pong {}), [&[0x81, length], &json[..]].concat());
    }
}
