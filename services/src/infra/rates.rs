//! How often somebody may do something (PROTOCOL section 7).

use moka::sync::Cache;
use protocol::ids::UserId;
use std::{
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const SIGN_IN_WINDOW: Duration = Duration::from_secs(15 * 60);

pub struct Rates {
    enforced: bool,
    /// Sends by a person: 100 a second, 500 at once.
    pub sends: Buckets<UserId>,
    /// Registrations from an address: 60 a minute, 200 at once.
    pub registrations: Buckets<Network>,
    /// Failed sign-ins of one name from one address, in 15 minutes: 5.
    pub sign_ins_to_account: Failures<(String, Network)>,
    /// Failed sign-ins from one address, in 15 minutes: 100.
    pub sign_ins_from_network: Failures<Network>,
}

impl Rates {
    #[must_use]
    pub fn new(enforced: bool) -> Self {
        Self {
            enforced,
            sends: Buckets::new(enforced, 100.0, 500.0),
            registrations: Buckets::new(enforced, 1.0, 200.0),
            sign_ins_to_account: Failures::new(enforced, 5),
            sign_ins_from_network: Failures::new(enforced, 100),
        }
    }

    /// The bucket of one socket's frames: 200 a second, 1 000 at once.
    #[must_use]
    pub fn frames(&self) -> Bucket {
        Bucket::new(self.enforced, 200.0, 1_000.0)
    }
}

/// Where somebody connects from: an IPv4 address, or an IPv6 /64, which one household has whole.
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

    /// Takes one, if there is one.
    pub fn take(&self) -> bool {
        if !self.enforced {
            return true;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let refilled = state.0 + now.duration_since(state.1).as_secs_f64() * self.per_second;
        let tokens = refilled.min(self.burst);
        let granted = tokens >= 1.0;
        *state = (if granted { tokens - 1.0 } else { tokens }, now);
        granted
    }
}

/// A bucket for each key; forgotten once it must be full again.
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

    /// Takes one, if there is one.
    pub fn take(&self, key: K) -> bool {
        let bucket = || Arc::new(Bucket::new(self.enforced, self.per_second, self.burst));
        !self.enforced || self.by_key.get_with(key, bucket).take()
    }
}

/// Counts failures of a key in the window that its first one opens.
pub struct Failures<K> {
    enforced: bool,
    most: u32,
    by_key: Cache<K, Arc<AtomicU32>>,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Failures<K> {
    fn new(enforced: bool, most: u32) -> Self {
        Self { enforced, most, by_key: Cache::builder().max_capacity(100_000).time_to_live(SIGN_IN_WINDOW).build() }
    }

    /// Counts an attempt before it is known to fail, so that attempts at once cannot outrun the count.
    /// False when there were too many.
    pub fn attempt(&self, key: K) -> bool {
        let count = self.by_key.get_with(key, Arc::default);
        !self.enforced || count.fetch_add(1, Ordering::Relaxed) < self.most
    }

    /// Takes back an attempt that did not fail.
    pub fn succeeded(&self, key: &K) {
        if let Some(count) = self.by_key.get(key) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_no_more() {
        let bucket = Bucket::new(true, 0.001, 3.0);
        let taken: Vec<bool> = (0..5).map(|_| bucket.take()).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        assert!(Bucket::new(false, 0.001, 0.0).take());
    }

    #[test]
    fn a_bucket_refills() {
        let bucket = Bucket::new(true, 1.0, 2.0);
        assert!(bucket.take() && bucket.take() && !bucket.take());
        bucket.state.lock().unwrap().1 -= Duration::from_secs(1);
        assert!(bucket.take() && !bucket.take());
    }

    #[test]
    fn failures_are_counted_and_success_is_not() {
        let failures = Failures::new(true, 2);
        for _ in 0..5 {
            assert!(failures.attempt("a"));
            failures.succeeded(&"a");
        }
        assert!(failures.attempt("a") && failures.attempt("a") && !failures.attempt("a"));
        assert!(failures.attempt("b"));
    }

    #[test]
    fn a_household_is_one_network() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
    }
}
