//! Everything outside the process, one file each, by purpose.

pub mod clock;
pub mod database;
mod mutant;
pub mod private_postgres;
pub mod rates;
pub mod tokens;

use crate::{auth::LiveSessions, chat::ReadMarks, chat::commit::Queues, live::Live, profiles::presence::Presence};
pub use mutant::Mutant;
use rates::Rates;
use sqlx::PgPool;
use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokens::Tokens;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the operations work with. Cheap to clone.
#[derive(Clone)]
pub struct Infra(Arc<Parts>);

pub struct Parts {
    pub db: PgPool,
    pub live: Live,
    pub rates: Rates,
    pub tokens: Tokens,
    /// Background work; `stop` waits for it.
    pub tasks: TaskTracker,
    /// The node is about to stop: it takes requests, and says that it is not ready for more.
    pub draining: AtomicBool,
    pub shutdown: CancellationToken,
    pub(crate) sessions: LiveSessions,
    /// Connections of its own, so that a busy node never learns late that a session has ended.
    pub(crate) sessions_db: PgPool,
    pub(crate) queues: Queues,
    pub(crate) read_marks: ReadMarks,
    pub(crate) presence: Presence,
    mutant: Option<Mutant>,
}

const FINISH_WITHIN: Duration = Duration::from_secs(20);

/// What an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether the rates of PROTOCOL section 7 hold; off for load tests.
    pub limits: bool,
    /// Changes of one chat committed together.
    pub batch: NonZeroUsize,
    /// What a debug build does wrong on purpose.
    pub mutant: Option<Mutant>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: true, batch: const { NonZeroUsize::new(256).unwrap() }, mutant: None }
    }
}

impl Infra {
    /// Opens everything over a migrated database.
    ///
    /// # Errors
    /// `unavailable` when the database does not answer.
    pub async fn open(db: PgPool, settings: Settings) -> crate::Result<Self> {
        let tokens = Tokens::load_or_create(&db).await?;
        #[cfg(debug_assertions)]
        if settings.mutant == Some(Mutant::RetryInsertsTwice) {
            crate::chat::queries::allow_doubles(&db).await?;
        }
        Ok(Self(Arc::new(Parts {
            live: Live::default(),
            rates: Rates::new(settings.limits),
            tokens,
            tasks: TaskTracker::new(),
            draining: AtomicBool::new(false),
            shutdown: CancellationToken::new(),
            sessions: LiveSessions::default(),
            sessions_db: database::beside(&db, 2),
            queues: Queues::new(settings.batch.get()),
            read_marks: ReadMarks::default(),
            presence: Presence::default(),
            mutant: settings.mutant,
            db,
        })))
    }

    /// Whether this node does this wrong on purpose; never in a release build.
    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        cfg!(debug_assertions) && self.mutant == Some(mutant)
    }

    /// Ends background work and waits for commits in flight; not for ever where the database hangs.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        if tokio::time::timeout(FINISH_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("some work did not end in time");
        }
        database::close(&self.sessions_db).await;
        database::close(&self.db).await;
    }
}

impl std::ops::Deref for Infra {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
