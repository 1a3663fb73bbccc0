//! The frames of one WebSocket (RFC 6455) on its TCP connection. tungstenite parses the headers. Its own socket is not
//! used, for two reasons: its buffers never shrink (a `hello` with 500 chats would cost 64 KiB for as long as the socket
//! is open), and it copies every frame for every receiver.

use bytes::{Buf as _, Bytes, BytesMut};
use protocol::{frames::close, limits};
use std::{
    collections::VecDeque,
    io::{self, Cursor, IoSlice},
};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_tungstenite::tungstenite::{
    Utf8Bytes,
    protocol::frame::{
        FrameHeader,
        coding::{CloseCode, Control, Data, OpCode},
    },
};

/// Read at once; while the client is silent, a socket has no buffer.
const READ_BYTES: usize = 4 * 1024;
/// Parts of one write.
const PARTS: usize = 32;
const CONTROL_BYTES: usize = 125;

/// A message or a control frame of the client.
#[derive(Debug)]
pub enum Incoming {
    Text(Utf8Bytes),
    Binary,
    Ping(Bytes),
    Pong,
    /// The code to reply with.
    Close(u16),
}

/// Why nothing more can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The connection has ended.
    Gone,
    /// The client does not keep to the protocol: the code to close with.
    Rules(u16),
}

pub struct Reader {
    half: OwnedReadHalf,
    buffer: BytesMut,
    /// The beginning of a message that comes in several frames.
    begun: Option<(Data, BytesMut)>,
}

impl Reader {
    /// `read` was read before the upgrade was complete.
    pub fn new(half: OwnedReadHalf, read: &[u8]) -> Self {
        Self { half, buffer: BytesMut::from(read), begun: None }
    }

    /// The next message or control frame. It may be cancelled.
    pub async fn next(&mut self) -> Result<Incoming, Broken> {
        loop {
            if let Some(incoming) = self.parse()? {
                return Ok(incoming);
            }
            if self.buffer.is_empty() {
                self.buffer = BytesMut::new();
            }
            self.half.readable().await.map_err(|_| Broken::Gone)?;
            self.buffer.reserve(READ_BYTES);
            match self.half.try_read_buf(&mut self.buffer) {
                Ok(0) => return Err(Broken::Gone),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Broken::Gone),
            }
        }
    }

    /// Reads and forgets the rest: with unread data, the close of the connection could overtake what was sent last.
    pub async fn discard(&mut self) {
        self.buffer.clear();
        while self.half.readable().await.is_ok() {
            self.buffer.reserve(READ_BYTES);
            match self.half.try_read_buf(&mut self.buffer) {
                Ok(0) => return,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                _ => self.buffer.clear(),
            }
        }
    }

    /// Takes the next message or control frame out of the buffer, if it is complete.
    fn parse(&mut self) -> Result<Option<Incoming>, Broken> {
        while let Some((opcode, is_final, payload)) = self.frame()? {
            let incoming = match opcode {
                OpCode::Control(control) => Some(controlled(control, is_final, payload)?),
                OpCode::Data(data) => self.message(data, is_final, payload)?,
            };
            if incoming.is_some() {
                return Ok(incoming);
            }
        }
        Ok(None)
    }

    fn frame(&mut self) -> Result<Option<(OpCode, bool, BytesMut)>, Broken> {
        let mut cursor = Cursor::new(&self.buffer);
        let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| broken())? else { return Ok(None) };
        let begin = usize::try_from(cursor.position()).unwrap_or(0);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let begun = match (&header.opcode, &self.begun) {
            (OpCode::Data(_), Some((_, begun))) => begun.len(),
            _ => 0,
        };
        if length > limits::FRAME_BYTES - begun.min(limits::FRAME_BYTES) {
            return Err(Broken::Rules(close::TOO_LARGE));
        }
        // A client masks every frame.
        let mask = header.mask.filter(|_| !(header.rsv1 || header.rsv2 || header.rsv3)).ok_or_else(broken)?;
        if self.buffer.len() < begin + length {
            self.buffer.reserve(begin + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(begin);
        let mut payload = self.buffer.split_to(length);
        for part in payload.chunks_mut(mask.len()) {
            part.iter_mut().zip(mask).for_each(|(byte, key)| *byte ^= key);
        }
        Ok(Some((header.opcode, header.is_final, payload)))
    }

    /// A message, when its last frame is there.
    fn message(&mut self, data: Data, is_final: bool, payload: BytesMut) -> Result<Option<Incoming>, Broken> {
        let (data, whole) = match (data, self.begun.take()) {
            (Data::Continue, Some((data, mut begun))) => {
                begun.extend_from_slice(&payload);
                (data, begun)
            }
            (Data::Text | Data::Binary, None) => (data, payload),
            _ => return Err(broken()),
        };
        if !is_final {
            self.begun = Some((data, whole));
            return Ok(None);
        }
        match data {
            Data::Text => Ok(Some(Incoming::Text(text(whole)?))),
            _ => Ok(Some(Incoming::Binary)),
        }
    }
}

fn broken() -> Broken {
    Broken::Rules(close::PROTOCOL_ERROR)
}

fn text(bytes: BytesMut) -> Result<Utf8Bytes, Broken> {
    Utf8Bytes::try_from(bytes.freeze()).map_err(|_| Broken::Rules(close::NOT_UTF8))
}

fn controlled(control: Control, is_final: bool, payload: BytesMut) -> Result<Incoming, Broken> {
    if !is_final || payload.len() > CONTROL_BYTES {
        return Err(broken());
    }
    match control {
        Control::Ping => Ok(Incoming::Ping(payload.freeze())),
        Control::Pong => Ok(Incoming::Pong),
        Control::Close => closed(payload),
        Control::Reserved(_) => Err(broken()),
    }
}

/// The code to reply with to the client's close: its own.
fn closed(mut payload: BytesMut) -> Result<Incoming, Broken> {
    if payload.is_empty() {
        return Ok(Incoming::Close(close::NORMAL));
    }
    let code = payload.try_get_u16().map_err(|_| broken())?;
    if !CloseCode::from(code).is_allowed() {
        return Err(broken());
    }
    text(payload)?;
    Ok(Incoming::Close(code))
}

pub struct Writer {
    half: OwnedWriteHalf,
    /// The frames of the last write that are not sent yet.
    waiting: VecDeque<Bytes>,
    /// A part of the first waiting frame is sent already.
    is_within: bool,
}

impl Writer {
    pub fn new(half: OwnedWriteHalf) -> Self {
        Self { half, waiting: VecDeque::new(), is_within: false }
    }

    /// Writes bytes of whole frames, with as few system calls as the network allows. It may be cancelled: the next
    /// write sends what is left.
    pub async fn write(&mut self, frames: VecDeque<Bytes>) -> io::Result<()> {
        if self.waiting.is_empty() {
            self.waiting = frames;
        } else {
            self.waiting.extend(frames);
        }
        while !self.waiting.is_empty() {
            let mut parts = [IoSlice::new(&[]); PARTS];
            let count = self.waiting.len().min(PARTS);
            parts.iter_mut().zip(&self.waiting).for_each(|(part, bytes)| *part = IoSlice::new(bytes));
            match self.half.try_write_vectored(&parts[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.half.writable().await?,
                Err(error) => return Err(error),
            }
        }
        // An idle socket keeps no memory for frames.
        self.waiting = VecDeque::new();
        Ok(())
    }

    fn sent(&mut self, mut written: usize) {
        self.is_within = false;
        while written > 0
            && let Some(first) = self.waiting.front_mut()
        {
            if first.len() > written {
                first.advance(written);
                self.is_within = true;
                return;
            }
            written -= first.len();
            self.waiting.pop_front();
        }
    }

    /// Drops the frames that wait, but not the rest of a frame that is partly sent.
    pub fn drop_waiting(&mut self) {
        self.waiting.truncate(usize::from(self.is_within));
    }

    /// Sends a close frame in place of the frames that wait.
    pub async fn close(&mut self, code: u16) -> io::Result<()> {
        self.drop_waiting();
        self.write([control(0x88, &code.to_be_bytes())].into()).await
    }
}

/// A ping without content.
pub fn ping() -> Bytes {
    control(0x89, &[])
}

/// The reply to a ping.
pub fn pong(payload: &[u8]) -> Bytes {
    control(0x8a, payload)
}

/// A control frame; its payload has at most 125 bytes.
fn control(kind: u8, payload: &[u8]) -> Bytes {
    let length = u8::try_from(payload.len()).unwrap_or(0);
    [&[kind, length], payload].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    /// A frame as a client sends it, with a short payload.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let length = u8::try_from(payload.len()).unwrap();
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
        [first, 0x80 | length].into_iter().chain(mask).chain(masked).collect()
    }

    /// A whole text message of this length, of any length.
    fn long_text(length: usize) -> Vec<u8> {
        let mut frame = vec![0x81, 0xff];
        frame.extend((length as u64).to_be_bytes());
        frame.extend([0; 4]);
        frame.resize(frame.len() + length, b'x');
        frame
    }

    /// The same as the first frame of a message.
    fn begun_text(length: usize) -> Vec<u8> {
        let mut frame = long_text(length);
        frame[0] = 0x01;
        frame
    }

    /// The results of reading these bytes, until nothing more follows.
    async fn read(bytes: &[u8]) -> Vec<String> {
        let (client, server) = connection().await;
        let mut reader = Reader::new(server.into_split().0, bytes);
        drop(client);
        let mut seen = Vec::new();
        loop {
            match reader.next().await {
                Ok(Incoming::Text(text)) if text.len() > 100 => seen.push(format!("{} bytes", text.len())),
                Ok(Incoming::Text(text)) => seen.push(text.to_string()),
                Ok(other) => seen.push(format!("{other:?}")),
                Err(Broken::Gone) => return seen,
                Err(Broken::Rules(code)) => {
                    seen.push(format!("{code}"));
                    return seen;
                }
            }
        }
    }

    #[tokio::test]
    async fn messages_and_control_frames_are_read() {
        let several = [masked(0x01, "При".as_bytes()), masked(0x89, b"?"), masked(0x80, "вет".as_bytes())].concat();
        for (bytes, expected) in [
            (masked(0x81, b"hello"), vec!["hello"]),
            (masked(0x81, b""), vec![""]),
            ([masked(0x81, b"one"), masked(0x81, b"two")].concat(), vec!["one", "two"]),
            (several, vec![r#"Ping(b"?")"#, "Привет"]),
            (masked(0x82, b"binary"), vec!["Binary"]),
            (masked(0x8a, b""), vec!["Pong"]),
            (masked(0x88, b""), vec!["Close(1000)"]),
            (masked(0x88, &4000_u16.to_be_bytes()), vec!["Close(4000)"]),
            (long_text(limits::FRAME_BYTES), vec!["131072 bytes"]),
            (
                [begun_text(limits::FRAME_BYTES), masked(0x89, b"?"), masked(0x80, b"")].concat(),
                vec![r#"Ping(b"?")"#, "131072 bytes"],
            ),
            (masked(0x81, b"hello")[..8].to_vec(), vec![]),
        ] {
            assert_eq!(read(&bytes).await, expected, "{:?}", &bytes[..bytes.len().min(40)]);
        }
    }

    #[tokio::test]
    async fn broken_rules_have_their_codes() {
        let split_letter = masked(0x81, &"я".as_bytes()[..1]);
        let unmasked = vec![0x81, 0x01, b'x'];
        let mut rest = long_text(limits::FRAME_BYTES - 4);
        rest[0] = 0x80;
        let beyond = [masked(0x01, b"begun"), rest].concat();
        for (bytes, code) in [
            (unmasked, "1002"),
            (masked(0xc1, b"compressed"), "1002"),
            (masked(0x83, b"reserved"), "1002"),
            (masked(0x80, b"continues nothing"), "1002"),
            ([masked(0x01, b"begun"), masked(0x81, b"again")].concat(), "1002"),
            (masked(0x09, b"a ping in parts"), "1002"),
            (masked(0x88, &[3]), "1002"),
            (masked(0x88, &1005_u16.to_be_bytes()), "1002"),
            (masked(0x88, &[&1000_u16.to_be_bytes()[..], &[0xff]].concat()), "1007"),
            (split_letter, "1007"),
            (long_text(limits::FRAME_BYTES + 1), "1009"),
            (beyond, "1009"),
        ] {
            assert_eq!(read(&bytes).await, [code], "{:?}", &bytes[..bytes.len().min(40)]);
        }
    }

    #[tokio::test]
    async fn after_a_large_message_a_silent_socket_has_no_buffer() {
        let (mut client, server) = connection().await;
        let mut reader = Reader::new(server.into_split().0, &[]);
        let sending = tokio::spawn(async move {
            client.write_all(&long_text(100_000)).await.unwrap();
            client.write_all(&masked(0x81, b"small")).await.unwrap();
            client
        });
        for _ in 0..2 {
            assert!(matches!(reader.next().await, Ok(Incoming::Text(_))));
        }
        let _client = sending.await.unwrap();
        assert!(futures::poll!(Box::pin(reader.next())).is_pending());
        assert_eq!(reader.buffer.capacity(), 0);
    }

    #[tokio::test]
    async fn a_close_follows_the_frame_that_is_partly_sent() {
        let (mut client, server) = connection().await;
        let mut writer = Writer::new(server.into_split().1);
        let frame = Bytes::from(vec![b'x'; 8 * 1024 * 1024]);
        // The client does not read, so the write cannot end.
        let writing = writer.write([frame.clone(), frame.clone()].into());
        assert!(tokio::time::timeout(std::time::Duration::from_millis(100), writing).await.is_err());
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            client.read_to_end(&mut read).await.unwrap();
            read
        });
        writer.close(1012).await.unwrap();
        drop(writer);
        let read = reading.await.unwrap();
        assert_eq!(read.len(), frame.len() + 4, "the rest of the first frame, and the close");
        assert_eq!(read[frame.len()..], [0x88, 2, 0x03, 0xf4]);
    }
}
