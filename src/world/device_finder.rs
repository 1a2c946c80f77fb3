//! Finding out which device a path is on, by a thread of its own: that may never end. Whoever asks next waits for it a
//! moment, and then has another thread.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::executor::Executor;
use super::fs::Fs;

/// How long others wait for a thread that finds out which device something is on.
const HUNG: Duration = Duration::from_secs(1);
/// The same after one that has not found out in that time.
const HUNG_AGAIN: Duration = Duration::from_millis(20);

/// Finds one thing at a time, unless that hangs.
pub(super) struct Finder {
    /// It ends with the last who waits for it.
    thread: Mutex<Weak<Executor>>,
    line: Semaphore,
    /// The last one that was asked hasn't answered in time.
    is_hung: AtomicBool,
}

impl Finder {
    /// One without a thread yet.
    pub fn new() -> Self {
        Self {
            thread: Mutex::default(),
            line: Semaphore::new(1),
            is_hung: AtomicBool::new(false),
        }
    }

    /// The device that this path is on, or will be; `None` if that can't be found out. Fails if there can't be the
    /// thread for it.
    pub async fn find(&self, fs: Arc<dyn Fs>, path: Arc<Path>) -> io::Result<Option<u64>> {
        // Kept, so that it serves all who start together.
        let _kept = self.thread()?;
        // Nobody closes it.
        let permit = self.line.acquire().await;
        let thread = self.thread()?;
        let mut found = std::pin::pin!(thread.run(move || device(&*fs, &path)));
        let patience = match self.is_hung.load(Ordering::Relaxed) {
            true => HUNG_AGAIN,
            false => HUNG,
        };
        let in_time = timeout(patience, found.as_mut()).await;
        self.is_hung.store(in_time.is_err(), Ordering::Relaxed);
        Ok(match in_time {
            Ok(found) => found,
            Err(_) => {
                *self.locked() = Weak::new();
                drop(permit);
                found.await
            }
        })
    }

    fn thread(&self) -> io::Result<Arc<Executor>> {
        let mut thread = self.locked();
        if let Some(started) = thread.upgrade() {
            return Ok(started);
        }
        let started = Arc::new(Executor::threads("disk-finds", 1)?);
        *thread = Arc::downgrade(&started);
        Ok(started)
    }

    fn locked(&self) -> MutexGuard<'_, Weak<Executor>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That of the path, or of the nearest directory above that there is. May block.
fn device(fs: &dyn Fs, path: &Path) -> Option<u64> {
    let here = |path| match path {
        path if path == Path::new("") => Path::new("."),
        path => path,
    };
    let mut above = path.ancestors().map(here);
    let stat = above.find_map(|path| fs.stat(path).ok());
    stat.map(|stat| stat.device)
}
