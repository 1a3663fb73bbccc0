//! Rate limits (PROTOCOL section 7).

use crate::{Rejection, Result};
use moka::sync::Cache;
use protocol::ids::UserId;
use std::{
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const SIGN_IN_WINDOW: Duration = Duration::from_secs(15 * 60);

/// Frames a second, and in a burst (PROTOCOL section 7).
const FRAMES: (f64, f64) = (200.0, 1_000.0);

pub struct Rates {
    enforced: bool,
    /// Sends and other changes by a user: 100 a second, bursts of 500.
    pub changes: Buckets<UserId>,
    /// Frames of a user that arrive without a socket: 200 a second, bursts of 1,000.
    pub polled_frames: Buckets<UserId>,
    /// Registrations from a network: 60 a minute, bursts of 200.
    pub registrations: Buckets<Network>,
    /// Failed sign-ins to one name from one network: 5 in 15 minutes.
    pub sign_ins_to_account: Failures<(String, Network)>,
    /// Failed sign-ins from one network: 100 in 15 minutes.
    pub sign_ins_from_network: Failures<Network>,
}

impl Rates {
    #[must_use]
    pub fn new(enforced: bool) -> Self {
        Self {
            enforced,
            changes: Buckets::new(enforced, 100.0, 500.0),
            polled_frames: Buckets::new(enforced, FRAMES.0, FRAMES.1),
            registrations: Buckets::new(enforced, 1.0, 200.0),
            sign_ins_to_account: Failures::new(enforced, 5),
            sign_ins_from_network: Failures::new(enforced, 100),
        }
    }

    /// A bucket for the frames of one socket: 200 a second, bursts of 1,000.
    #[must_use]
    pub fn frames(&self) -> Bucket {
        Bucket::new(self.enforced, FRAMES.0, FRAMES.1)
    }
}

/// The network of a client: an IPv4 address, or an IPv6 /64, because one household has a whole /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// A token bucket.
pub struct Bucket {
    enforced: bool,
    per_second: f64,
    burst: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn new(enforced: bool, per_second: f64, burst: f64) -> Self {
        Self { enforced, per_second, burst, state: Mutex::new((burst, Instant::now())) }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// `rate_limited`, with the time until a token is available.
    pub fn take(&self) -> Result<()> {
        self.take_many(1)
    }

    /// Takes `count` tokens, or none.
    ///
    /// # Errors
    /// `rate_limited`, with the time until there are enough.
    pub fn take_many(&self, count: usize) -> Result<()> {
        if !self.enforced {
            return Ok(());
        }
        // A count above the burst could never be granted, so it takes the whole burst.
        let wanted = (count as f64).min(self.burst);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let refilled = state.0 + now.duration_since(state.1).as_secs_f64() * self.per_second;
        let tokens = refilled.min(self.burst);
        let granted = tokens >= wanted;
        *state = (if granted { tokens - wanted } else { tokens }, now);
        if granted {
            Ok(())
        } else {
            Err(Rejection::rate_limited(Duration::from_secs_f64((wanted - tokens) / self.per_second)))
        }
    }
}

/// A bucket for each key. A bucket is dropped after a time in which it refills completely.
pub struct Buckets<K> {
    enforced: bool,
    per_second: f64,
    burst: f64,
    by_key: Cache<K, Arc<Bucket>>,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Buckets<K> {
    fn new(enforced: bool, per_second: f64, burst: f64) -> Self {
        let idle = Duration::from_secs_f64(burst / per_second + 1.0);
        Self { enforced, per_second, burst, by_key: Cache::builder().max_capacity(100_000).time_to_idle(idle).build() }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// `rate_limited`, with the time until a token is there.
    pub fn take(&self, key: K) -> Result<()> {
        self.take_many(key, 1)
    }

    /// Takes `count` tokens, or none.
    ///
    /// # Errors
    /// `rate_limited`, with the time until there are enough.
    pub fn take_many(&self, key: K, count: usize) -> Result<()> {
        if !self.enforced {
            return Ok(());
        }
        let bucket = || Arc::new(Bucket::new(self.enforced, self.per_second, self.burst));
        self.by_key.get_with(key, bucket).take_many(count)
    }
}

/// Counts the failures of each key, in a window that starts with the first attempt.
pub struct Failures<K> {
    enforced: bool,
    most: usize,
    by_key: Cache<K, Arc<Tries>>,
}

/// The attempts of one key. Each takes one of `most` permits and returns it unless it fails; the last
/// failure closes the gate. So concurrent attempts cannot exceed the limit, and concurrent successes wait
/// for each other but are never refused.
struct Tries {
    gate: Arc<Semaphore>,
    failed: AtomicUsize,
    opened: Instant,
}

/// An attempt in progress. Dropped without `succeeded`, it counts as a failure, for instance when its caller is
/// cancelled.
pub struct Attempt(Option<(Arc<Tries>, OwnedSemaphorePermit, usize)>);

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Failures<K> {
    fn new(enforced: bool, most: usize) -> Self {
        Self { enforced, most, by_key: Cache::builder().max_capacity(100_000).time_to_live(SIGN_IN_WINDOW).build() }
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// `rate_limited` after too many failures, with the time until the window ends.
    pub async fn attempt(&self, key: K) -> Result<Attempt> {
        if !self.enforced {
            return Ok(Attempt(None));
        }
        let tries = self.by_key.get_with(key, || {
            let gate = Arc::new(Semaphore::new(self.most));
            Arc::new(Tries { gate, failed: AtomicUsize::new(0), opened: Instant::now() })
        });
        match tries.gate.clone().acquire_owned().await {
            Ok(permit) => Ok(Attempt(Some((tries, permit, self.most)))),
            Err(_) => Err(Rejection::rate_limited(SIGN_IN_WINDOW.saturating_sub(tries.opened.elapsed()))),
        }
    }
}

impl Attempt {
    /// The attempt does not count as a failure.
    pub fn succeeded(mut self) {
        self.0 = None;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let Some((tries, permit, most)) = self.0.take() else { return };
        permit.forget();
        if tries.failed.fetch_add(1, Ordering::Relaxed) + 1 >= most {
            tries.gate.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn a_bucket_allows_its_burst_and_no_more() {
        let bucket = Bucket::new(true, 0.001, 3.0);
        let taken: Vec<bool> = (0..5).map(|_| bucket.take().is_ok()).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        assert!(Bucket::new(false, 0.001, 0.0).take().is_ok());
    }

    #[test]
    fn a_bucket_refills_after_the_returned_wait() {
        let bucket = Bucket::new(true, 0.5, 2.0);
        assert!(bucket.take().is_ok() && bucket.take().is_ok());
        let wait = bucket.take().unwrap_err().retry_after.unwrap();
        assert!((1.9..=2.0).contains(&wait.as_secs_f64()), "{wait:?}");
        bucket.state.lock().unwrap().1 -= wait;
        assert!(bucket.take().is_ok() && bucket.take().is_err());
    }

    #[tokio::test]
    async fn only_failures_are_counted() {
        let failures = Failures::new(true, 2);
        for _ in 0..5 {
            failures.attempt("a").await.unwrap().succeeded();
        }
        drop(failures.attempt("a").await.unwrap());
        drop(failures.attempt("a").await.unwrap());
        let wait = failures.attempt("a").await.err().unwrap().retry_after.unwrap();
        assert!(wait > SIGN_IN_WINDOW / 2 && wait <= SIGN_IN_WINDOW);
        assert!(failures.attempt("b").await.is_ok());
    }

    #[tokio::test]
    async fn concurrent_attempts_wait_for_the_outcome_of_earlier_ones() {
        let failures = Failures::new(true, 1);
        let first = failures.attempt("a").await.unwrap();
        let mut second = Box::pin(failures.attempt("a"));
        assert!((&mut second).now_or_never().is_none());
        first.succeeded();
        let second = second.await.unwrap();
        let mut third = Box::pin(failures.attempt("a"));
        assert!((&mut third).now_or_never().is_none());
        drop(second);
        assert!(third.await.is_err());
    }

    #[test]
    fn all_addresses_of_a_household_are_one_network() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
    }
}
