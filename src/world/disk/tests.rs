//! Disks of which one hangs, with real threads.

use std::any::Any;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use super::*;
use crate::world::devices::Devices;
use crate::world::fs::real::RealFs;
use crate::world::fs::{NotOwn, Stat};

/// More than a device has threads.
const MANY: usize = 100;
const LONG: Duration = Duration::from_secs(60);

/// A device for each directory of the root; one of them hangs until it is told to answer.
#[derive(Default)]
struct Devised {
    hanging: Mutex<Option<u64>>,
    answers: Condvar,
}

/// A file on one of them.
struct On(u64);

impl Devised {
    /// The device of `/a` is 1, that of `/b` 2.
    fn device(path: &Path) -> u64 {
        let mut names = path.iter().skip(1);
        let first = names
            .next()
            .and_then(|name| name.as_encoded_bytes().first());
        first.map_or(0, |letter| u64::from(letter - b'a') + 1)
    }

    fn hang(&self, path: &str) {
        *self.hanging.lock().expect("no panic") = Some(Self::device(Path::new(path)));
    }

    fn answer(&self) {
        *self.hanging.lock().expect("no panic") = None;
        self.answers.notify_all();
    }

    fn call(&self, device: u64) {
        let hanging = self.hanging.lock().expect("no panic");
        let hangs = |hanging: &mut Option<u64>| *hanging == Some(device);
        drop(self.answers.wait_while(hanging, hangs));
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let device = Self::device(path);
        self.call(device);
        Ok(Arc::new(On(device)))
    }
}

impl Fs for Devised {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
    }

    fn open_own(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
    }

    fn open_dir(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(NotOwn::NotRegular.into())
    }

    fn rename(&self, from: &Path, _: &Path) -> io::Result<()> {
        self.open(from).map(drop)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.open(path).map(drop)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.open(path).map(drop)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.open(path)?.stat()
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        self.open(path).map(|_| false)
    }

    fn sync(&self, files: &[Arc<dyn File>]) -> Vec<io::Result<()>> {
        let sync = |file: &Arc<dyn File>| {
            self.call(file.device());
            Ok(())
        };
        files.iter().map(sync).collect()
    }

    fn holds_lock(&self, _: &Stat) -> bool {
        false
    }

    fn lock_holder(&self, _: &Stat) -> Option<u32> {
        None
    }

    fn process(&self) -> u32 {
        1
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(1 << 40)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.open(dir).map(|_| Vec::new())
    }
}

impl File for On {
    fn append(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn read_exact_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(Stat {
            length: 0,
            device: self.0,
            inode: self.0,
            born: None,
            is_file: true,
        })
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn device(&self) -> u64 {
        self.0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[tokio::test]
async fn a_disk_that_hangs_keeps_none_waiting_that_has_its_state_on_the_same_third_one() {
    let fs = Arc::new(Devised::default());
    let devices = Devices::new(Arc::clone(&fs) as Arc<dyn Fs>, 0);
    let a = devices.at(Path::new("/a/data")).await.expect("threads");
    let b = devices.at(Path::new("/b/data")).await.expect("threads");
    let state = || Arc::new(On(Devised::device(Path::new("/c/state")))) as Arc<dyn File>;
    a.sync([state()]).await.expect("answers");
    fs.hang("/a");
    let hangs = |_| a.run(|fs| fs.stat(Path::new("/a/data")).is_ok()).boxed();
    let mut waiting = (0..MANY).map(hangs).collect::<Vec<_>>();
    for waits in &mut waiting {
        assert!(waits.now_or_never().is_none());
    }
    let synced = timeout(LONG, b.sync([state()])).await;
    let ran = timeout(LONG, b.run(|fs| fs.stat(Path::new("/b/data")).is_ok())).await;
    fs.answer();
    for waits in waiting {
        assert!(waits.await);
    }
    synced.expect("the third disk answers").expect("synced");
    assert!(ran.expect("the second disk answers"));
}

#[tokio::test]
async fn a_path_that_hangs_keeps_nobody_waiting_who_looks_for_another() {
    let fs = Arc::new(Devised::default());
    let devices = Devices::new(Arc::clone(&fs) as Arc<dyn Fs>, 0);
    fs.hang("/a");
    let mut hangs = devices.at(Path::new("/a/data")).boxed();
    assert!((&mut hangs).now_or_never().is_none());
    let found = timeout(LONG, async {
        tokio::select! {
            biased;
            _ = &mut hangs => None,
            found = devices.at(Path::new("/b/data")) => Some(found),
        }
    });
    let found = found.await.expect("the other disk answers");
    let found = found.expect("the first disk hangs").expect("threads");
    assert!(found.run(|fs| fs.stat(Path::new("/b/data")).is_ok()).await);
    let waits = devices.jobs().first();
    assert!(waits.is_some_and(|(_, path)| *path == *Path::new("/a/data")));
    fs.answer();
    assert!(!hangs.await.expect("threads").is_same(&found));
    assert!(devices.jobs().first().is_none());
}

#[tokio::test]
async fn a_disk_is_idle_when_what_nobody_waits_for_any_more_is_done() {
    let devices = Devices::new(Arc::new(RealFs::default()), 1 << 20);
    let (own, mut idle) = devices.with_fs(Arc::new(RealFs::default()));
    let at = own.at(Path::new("src")).await.expect("threads");
    let (release, released) = std::sync::mpsc::channel::<()>();
    let mut job = Box::pin(at.run(move |_| released.recv().is_ok()));
    assert!(job.as_mut().now_or_never().is_none());
    drop(job);
    drop((own, at));
    assert!(idle.wait().now_or_never().is_none(), "it waits in its call");
    release.send(()).expect("it waits");
    idle.wait().await;
}
