//! The record of a run: events on one monotonic clock, in memory and as JSON lines.

use crate::Result;
use protocol::{
    chat::{ChatEvent, Message},
    error::ErrorCode,
    ids::{ChatId, ClientId, UserId},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since the run began.
    pub at: u64,
    /// The process that performed or saw it; none for the nemesis.
    pub who: Option<UserId>,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// A chat was created with these members.
    Chat {
        chat_id: ChatId,
        members: Vec<UserId>,
    },
    /// An operation begins. Its end is one of: acknowledged, refused, unknown.
    Invoke {
        op: u64,
        action: Action,
    },
    Acknowledged {
        op: u64,
        row: Option<Row>,
    },
    Refused {
        op: u64,
        code: ErrorCode,
    },
    Unknown {
        op: u64,
    },
    /// Rows arrived. `since` is the time of the request; pushed frames have none.
    Saw {
        chat_id: ChatId,
        how: How,
        since: u64,
        rows: Vec<Row>,
    },
    /// Since that time, after the last fault, these members sent, and each received on one socket what arrived.
    Calm {
        chat_id: ChatId,
        members: Vec<UserId>,
        since: u64,
    },
    /// The rows that a member reads after the last fault.
    Final {
        chat_id: ChatId,
        how: How,
        rows: Vec<Row>,
    },
    /// The member's own read mark and unread count at that time.
    Marks {
        chat_id: ChatId,
        read_no: u64,
        unread: u32,
    },
    Fault {
        name: String,
        proof: Option<String>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Send { chat_id: ChatId, client_id: ClientId, text: String },
    Edit { chat_id: ChatId, no: u64, text: String },
    Delete { chat_id: ChatId, no: u64 },
    Read { chat_id: ChatId, no: u64 },
    Add { chat_id: ChatId, user_id: UserId },
    Remove { chat_id: ChatId, user_id: UserId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Pushed over the socket, without a request.
    Frame,
    /// The newest page of the history.
    Newest,
    /// Another page of the history.
    Page,
    /// All changes after a number.
    Changes,
    /// A new socket: `hello`, then changes.
    Fresh,
    /// The rows in the client's reducer, which may begin later than the first message.
    Live,
}

/// The fields of a message that the checker compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub no: u64,
    pub seq: u64,
    pub sender_id: UserId,
    pub client_id: ClientId,
    pub text: String,
    pub deleted: bool,
    pub event: Option<ChatEvent>,
}

impl From<&Message> for Row {
    fn from(message: &Message) -> Self {
        Self {
            no: message.no,
            seq: message.seq,
            sender_id: message.sender_id,
            client_id: message.client_id,
            text: message.text.clone(),
            deleted: message.deleted,
            event: message.event.clone(),
        }
    }
}

/// Records events as they happen.
pub struct Recorder {
    began: Instant,
    written: Mutex<(Vec<Event>, BufWriter<File>)>,
}

impl Recorder {
    pub fn new(file: &Path) -> Result<Self> {
        let written = Mutex::new((Vec::new(), BufWriter::new(File::create(file)?)));
        Ok(Self { began: Instant::now(), written })
    }

    /// The current time on the run's clock.
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub fn note(&self, who: Option<UserId>, what: What) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Read the clock under the lock: the order of events must be the order of times.
        let event = Event { at: self.now(), who, what };
        let (events, file) = &mut *written;
        if serde_json::to_writer(&mut *file, &event).is_ok() {
            let _ = file.write_all(b"\n");
        }
        events.push(event);
    }

    /// Flushes the record and returns its events.
    pub fn finish(&self) -> Result<Vec<Event>> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.1.flush()?;
        Ok(std::mem::take(&mut written.0))
    }
}
