//! One running node: the access to the outside world that it opened, and the state of each feature.
//! Operations take it as their context.

use crate::{
    auth::LiveSessions,
    chat::{ReadMarks, commit::Queues},
    infra::{database, rates::Rates, tokens::Tokens},
    live::Live,
    mutant::Mutant,
    profiles::presence::Presence,
};
use sqlx::PgPool;
use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The context of every operation. Cheap to clone: all clones share one node.
#[derive(Clone)]
pub struct Node(Arc<Parts>);

pub struct Parts {
    pub db: PgPool,
    pub live: Live,
    pub rates: Rates,
    pub tokens: Tokens,
    /// Background work; `stop` waits for it.
    pub tasks: TaskTracker,
    /// The node is about to stop: it still accepts requests, but /readyz reports that it is not ready.
    pub draining: AtomicBool,
    pub shutdown: CancellationToken,
    pub(crate) sessions: LiveSessions,
    /// A separate pool: a busy node must not detect late that a session has ended. It writes only when sessions were
    /// last used.
    pub(crate) sessions_db: PgPool,
    pub(crate) queues: Queues,
    pub(crate) read_marks: ReadMarks,
    pub(crate) presence: Presence,
    mutant: Option<Mutant>,
}

const FINISH_WITHIN: Duration = Duration::from_secs(20);

/// The settings that an operator chooses.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether the rates of PROTOCOL section 7 hold; off for load tests.
    pub limits: bool,
    /// Changes of one chat committed together.
    pub batch: NonZeroUsize,
    /// The fault that a debug build injects, to show that the verifier finds it.
    pub mutant: Option<Mutant>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: true, batch: const { NonZeroUsize::new(256).unwrap() }, mutant: None }
    }
}

impl Node {
    /// Opens a node on a migrated database.
    ///
    /// # Errors
    /// `unavailable` if the database does not respond.
    pub async fn open(db: PgPool, settings: Settings) -> crate::Result<Self> {
        let sessions_db = database::beside(&db, 2);
        let tokens = Tokens::load_or_create(sessions_db.clone()).await?;
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
            sessions_db,
            queues: Queues::new(settings.batch.get()),
            read_marks: ReadMarks::default(),
            presence: Presence::default(),
            mutant: settings.mutant,
            db,
        })))
    }

    /// Whether this node runs with this mutant; always false in a release build.
    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        cfg!(debug_assertions) && self.mutant == Some(mutant)
    }

    /// Ends background work and waits for commits in flight, at most `FINISH_WITHIN`: the database may hang.
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

impl std::ops::Deref for Node {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
