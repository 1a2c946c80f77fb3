//! An amount of memory with a limit: what is held of it is counted until it is dropped, and whoever waits is woken when
//! something is free again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts the bytes that are held; clones are the same one. The limit keeps nobody from holding more: those who look
/// before they do keep it.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    limit: AtomicU64,
    held: AtomicU64,
    freed: Notify,
}

/// Bytes that are counted until this is dropped.
#[derive(Debug, Default)]
pub struct Held {
    bytes: u64,
    of: Option<Arc<Counted>>,
}

impl Memory {
    /// So many bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Counted {
            limit: AtomicU64::new(limit),
            held: AtomicU64::new(0),
            freed: Notify::new(),
        }))
    }

    /// Allows so many bytes from now on.
    pub fn limit(&self, bytes: u64) {
        self.0.limit.store(bytes, Ordering::Relaxed);
        self.wake();
    }

    /// Nothing held yet.
    pub fn hold(&self) -> Held {
        Held {
            bytes: 0,
            of: Some(Arc::clone(&self.0)),
        }
    }

    /// Is as much held as may be, or more?
    pub fn is_spent(&self) -> bool {
        self.0.held.load(Ordering::Relaxed) >= self.0.limit.load(Ordering::Relaxed)
    }

    /// Waits until this is so, which is looked at whenever something is free again. May be dropped.
    pub async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            // Made before looking, so that nothing is missed in between.
            let mut freed = std::pin::pin!(self.0.freed.notified());
            freed.as_mut().enable();
            if is_so() {
                return;
            }
            freed.await;
        }
    }

    /// Lets those who wait look again.
    pub fn wake(&self) {
        self.0.freed.notify_waiters();
    }
}

impl Held {
    /// Holds this many bytes from now on.
    pub fn set(&mut self, bytes: u64) {
        let Some(of) = &self.of else { return };
        if bytes >= self.bytes {
            of.held.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            let less = self.bytes - bytes;
            let before = of.held.fetch_sub(less, Ordering::Relaxed);
            let limit = of.limit.load(Ordering::Relaxed);
            if before >= limit && before - less < limit {
                of.freed.notify_waiters();
            }
        }
        self.bytes = bytes;
    }

    /// How many bytes are held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// How much memory the kernel has given this process, in bytes; `None` where it doesn't tell.
pub fn resident_bytes() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib = line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_is_dropped_can_be_held_again() {
        let memory = Memory::new(100);
        let mut held = memory.hold();
        held.set(60);
        assert!(!memory.is_spent());
        let mut more = memory.hold();
        more.set(60);
        assert!(memory.is_spent());
        drop(held);
        assert!(!memory.is_spent());
    }

    #[test]
    fn who_waits_is_woken_by_what_is_freed_and_by_a_higher_limit() {
        let memory = Memory::new(100);
        let mut held = memory.hold();
        let woken_by = |free: &mut dyn FnMut()| {
            let mut waiting = std::pin::pin!(memory.until(|| !memory.is_spent()));
            assert!(waiting.as_mut().now_or_never().is_none());
            free();
            waiting.as_mut().now_or_never().is_some()
        };
        held.set(200);
        assert!(woken_by(&mut || held.set(99)));
        held.set(200);
        assert!(woken_by(&mut || memory.limit(300)));
    }
}
