//! File systems of a test's own, to fill, to cut off from power, to have errors on. Only root may have them.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::show::show;
use crate::wait::{LONG, OnDrop, eventually, within};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In memory, 2 MiB.
    Tmpfs,
    /// In a file, 256 MiB. At an error it becomes read-only.
    Ext4,
    /// In a file, 320 MiB: it is never smaller.
    Xfs,
}

/// What a power cut leaves of what wasn't synced.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// Nothing.
    Everything = 2,
    /// Names and lengths, as far as the journal goes by itself: perhaps without what belongs into the files.
    Data = 1,
}

pub struct Disk {
    kind: Kind,
    point: PathBuf,
}

impl Disk {
    /// Mounts an empty one; if that can't be had here, says why, and that `what` was skipped.
    pub fn mount(kind: Kind, point: PathBuf, what: &str) -> Option<Self> {
        fs::create_dir(&point).unwrap();
        let disk = Self { kind, point };
        let made = disk.format().and_then(|()| disk.attach());
        match made {
            Ok(()) => Some(disk),
            Err(why) => {
                show(&format!("skipped: {what}: {why}"));
                // There is nothing to unmount.
                std::mem::forget(disk);
                None
            }
        }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.point.join(file)
    }

    /// Takes all space that is left.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let page = [7; 4096];
        while ballast.write_all(&page).is_ok() {}
    }

    /// Gives back the space that was taken; a power cut may have done so before.
    pub fn free(&self) {
        if self.ballast().exists() {
            fs::remove_file(self.ballast()).unwrap();
        }
    }

    /// As in a power cut: from now on nothing reaches the disk. Everything fails until [`Disk::remount`].
    pub fn cut(&self, cut: Cut) {
        // The ioctl by which ext4 and XFS shut down (EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN).
        let program = r#"open(my $disk, "<", $ARGV[0]) or die "opening: $!";
            my $how = pack("L", $ARGV[1]);
            ioctl($disk, 0x8004587d, $how) or die "ioctl: $!";"#;
        let mut perl = Command::new("perl");
        perl.args(["-e", program]).arg(&self.point);
        run(perl.arg((cut as u32).to_string())).unwrap();
    }

    /// An error of the file system, upon which it becomes read-only. Only ext4 can be made to have one.
    pub fn fail(&self) {
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let point = self.point.to_str().unwrap();
        let device = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .find_map(|words| (words[1] == point).then(|| words[0].to_owned()))
            .expect("it is mounted");
        let device = Path::new(&device).file_name().unwrap();
        let trigger = Path::new("/sys/fs/ext4").join(device);
        fs::write(trigger.join("trigger_fs_error"), "a test wants it").unwrap();
    }

    /// Lets it hang: whatever writes to it stands still until what is returned is dropped. Only ext4 and XFS do.
    pub fn freeze(&self) -> impl Drop + use<> {
        let freeze = |how: &str, point: &Path| run(Command::new("fsfreeze").arg(how).arg(point));
        freeze("-f", &self.point).unwrap();
        let point = self.point.clone();
        OnDrop(move || freeze("-u", &point).unwrap())
    }

    /// Mounts it anew with these options.
    pub fn change(&self, options: &str) {
        let options = format!("remount,{options}");
        run(Command::new("mount")
            .args(["-o", &options])
            .arg(&self.point))
        .unwrap();
    }

    /// Unmounts it, once nobody uses it any more, and mounts it again.
    pub fn remount(&self) {
        eventually(LONG, "the disk can be unmounted", || self.detach().is_ok());
        // The loop device may need a moment to let go of its file.
        eventually(LONG, "the disk can be mounted", || self.attach().is_ok());
    }

    fn format(&self) -> Result<(), String> {
        let (megabytes, program) = match self.kind {
            Kind::Tmpfs => return Ok(()),
            Kind::Ext4 => (256, "mkfs.ext4"),
            Kind::Xfs => (320, "mkfs.xfs"),
        };
        let image = File::create(self.image()).unwrap();
        image.set_len(megabytes << 20).unwrap();
        run(Command::new(program).arg("-q").arg(self.image()))
    }

    fn attach(&self) -> Result<(), String> {
        let mut mount = Command::new("mount");
        match self.kind {
            Kind::Tmpfs => mount.args(["-t", "tmpfs", "-o", "size=2m", "archiver-test"]),
            Kind::Ext4 => mount
                .args(["-o", "loop,errors=remount-ro"])
                .arg(self.image()),
            Kind::Xfs => mount.args(["-o", "loop"]).arg(self.image()),
        };
        run(mount.arg(&self.point))
    }

    fn detach(&self) -> Result<(), String> {
        run(Command::new("umount").arg(&self.point))
    }

    fn image(&self) -> PathBuf {
        self.point.with_extension("img")
    }

    fn ballast(&self) -> PathBuf {
        self.path("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // With it goes the loop device.
        let unmounted = within(LONG, || self.detach().is_ok());
        assert!(unmounted || std::thread::panicking());
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(format!("{program}: {said}"))
}
