//! A disk that is full, and then is not.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::archiver::Archiver;
use crate::config::Config;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::show::show;
use crate::values::Values;

const FILES: [&str; 3] = ["small/a.ndjson", "small/b.ndjson.gz", "small/c.ndjson.zst"];

/// A disk of 2 MiB.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Only root may have one.
    fn mount(path: PathBuf) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "archiver-test"])
            .arg(&path)
            .output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        show("skipped: a full disk needs the right to mount one");
        None
    }

    /// Takes all space that is left.
    fn fill(&self) {
        use std::io::Write;
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        let page = [7; 4096];
        while ballast.write_all(&page).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_pauses_its_archives_until_there_is_space_again() {
    full_disk(false);
}

#[test]
fn a_full_disk_and_a_kill_cost_nothing_either() {
    full_disk(true);
}

fn full_disk(kill: bool) {
    let scene = Scene::new();
    let Some(disk) = SmallDisk::mount(scene.path("small")) else {
        return;
    };
    let topics = FILES.map(|_| scene.topic("full", 2));
    let other = scene.topic("roomy", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let mut config = Config::new().set("defaults", "start", "earliest");
    config = config
        .set("defaults", "checkpoint", "1s")
        .archive(&other, "other.ndjson", &[]);
    for (topic, file) in topics.iter().zip(FILES) {
        config = config.archive(topic, file, &[]);
    }
    let archiver = scene.start(&config);
    let mut send = |count| {
        topics
            .iter()
            .for_each(|topic| producer.send_all(topic, values.jsons(count)));
        producer.send_all(&other, values.jsons(count));
    };
    let await_lines = |archiver: &Archiver, lines| {
        FILES
            .iter()
            .for_each(|file| scene.await_lines(archiver, file, lines));
    };
    send(100);
    await_lines(&archiver, 100);
    disk.fill();
    send(1000);
    let say = |archiver: &Archiver| {
        topics
            .iter()
            .for_each(|topic| drop(archiver.await_line(&says::disk_full(&topic.name))));
    };
    say(&archiver);
    scene.await_lines(&archiver, "other.ndjson", 1100);
    let archiver = if kill {
        archiver.kill();
        let archiver = scene.start(&config);
        say(&archiver);
        archiver
    } else {
        archiver
    };
    disk.free();
    await_lines(&archiver, 1100);
    send(100);
    await_lines(&archiver, 1200);
    scene.await_lines(&archiver, "other.ndjson", 1200);
    archiver.stop();
    for (topic, file) in topics.iter().zip(FILES) {
        scene.assert_exact(topic, file);
    }
    scene.assert_exact(&other, "other.ndjson");
}
