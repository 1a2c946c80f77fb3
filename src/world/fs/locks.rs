//! Whose locks are whose. A process id that is read somewhere proves nothing: in another container it is another
//! process's, and one that has ended may have left its lock to a child and its id to a stranger.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Stat;

/// A file, by its device and inode.
type Key = (u64, u64);

/// The locks that this process holds, and where those of others were seen.
#[derive(Default)]
pub struct Locks {
    /// How often, as a file that was closed may be locked again before that is noted.
    own: Mutex<HashMap<Key, usize>>,
    others: Mutex<Seen>,
}

/// Noted among this process's locks until it is dropped, which has to be after the file was closed.
pub struct OwnLock {
    locks: Arc<Locks>,
    key: Key,
}

impl Drop for OwnLock {
    fn drop(&mut self) {
        let mut own = guard(&self.locks.own);
        if let Some(count) = own.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                own.remove(&self.key);
            }
        }
    }
}

impl Locks {
    /// Notes that this process has locked a file.
    pub fn note(self: &Arc<Self>, file: &Stat) -> OwnLock {
        let key = (file.device, file.inode);
        *guard(&self.own).entry(key).or_default() += 1;
        OwnLock {
            locks: Arc::clone(self),
            key,
        }
    }

    /// Has this process locked the file, and not closed it?
    pub fn is_own(&self, file: &Stat) -> bool {
        guard(&self.own).contains_key(&(file.device, file.inode))
    }

    /// The other process that holds the lock of this file, if that is certain: it has the file open, and the lock on it.
    pub fn holder(&self, file: &Stat) -> Option<u32> {
        if !ids_are_own() {
            return None;
        }
        let file = as_listed(file);
        let mut seen = guard(&self.others);
        if let Some(pid) = seen.holder(&file) {
            return Some(pid);
        }
        // A thousand archives may be refused at once.
        if seen.at.is_some_and(|at| at.elapsed() < FRESH) {
            return None;
        }
        *seen = Seen::look();
        seen.holder(&file)
    }
}

/// How long it isn't looked again.
const FRESH: Duration = Duration::from_secs(1);

/// By the file as the kernel lists it: who holds its lock, and where that is said of the open file.
#[derive(Default)]
struct Seen {
    at: Option<Instant>,
    holders: HashMap<String, (u32, PathBuf)>,
}

impl Seen {
    /// At the open files of all processes that are listed as holders.
    fn look() -> Self {
        let mut holders = HashMap::new();
        let listed = fs::read_to_string("/proc/locks").unwrap_or_default();
        let mut pids = listed
            .lines()
            .filter_map(|line| flock(line).map(|(pid, _)| pid))
            .filter(|&pid| pid != std::process::id())
            .collect::<Vec<_>>();
        pids.sort_unstable();
        pids.dedup();
        for pid in pids {
            // Another user's are not to be seen.
            let open = fs::read_dir(format!("/proc/{pid}/fdinfo"));
            for path in open.into_iter().flatten().flatten().map(|open| open.path()) {
                for (by, file) in locks_on(&path) {
                    // Who has taken it may be another one, which gave it away.
                    if by == pid {
                        holders.insert(file, (pid, path.clone()));
                    }
                }
            }
        }
        let at = Some(Instant::now());
        Self { at, holders }
    }

    /// Looks again at where it was seen.
    fn holder(&self, file: &str) -> Option<u32> {
        let (pid, path) = self.holders.get(file)?;
        let mut locks = locks_on(path).into_iter();
        locks
            .any(|lock| lock == (*pid, file.to_owned()))
            .then_some(*pid)
    }
}

/// The locks on an open file, by who took them and the file.
fn locks_on(open: &Path) -> Vec<(u32, String)> {
    let said = fs::read_to_string(open).unwrap_or_default();
    let lines = said.lines().filter_map(|line| line.strip_prefix("lock:"));
    let locks = lines.filter_map(flock);
    locks.map(|(pid, file)| (pid, file.to_owned())).collect()
}

/// Of a line such as `1: FLOCK  ADVISORY  WRITE 4711 fe:00:123456 0 EOF`.
fn flock(line: &str) -> Option<(u32, &str)> {
    let mut words = line.split_whitespace().skip(1);
    if words.next()? != "FLOCK" {
        return None;
    }
    let pid = words.nth(2)?.parse().ok()?;
    Some((pid, words.next()?))
}

/// The device's numbers in hex, and the inode. Some file systems (btrfs, overlayfs) list another device than they tell
/// otherwise: what is on those is not found.
fn as_listed(file: &Stat) -> String {
    let (major, minor) = (
        rustix::fs::major(file.device),
        rustix::fs::minor(file.device),
    );
    format!("{major:02x}:{minor:02x}:{}", file.inode)
}

/// Is `/proc` of this process's own PID namespace, so that the ids there are what others call these processes here?
fn ids_are_own() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    // From the namespace of `/proc` down to the process's own.
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    ids.is_some_and(|ids| ids.split_whitespace().eq([std::process::id().to_string()]))
}

/// What a process is called where processes are listed; it may be any bytes of its own choice.
pub fn process_name(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(&name);
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

fn guard<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
