//! Where a process stands: for a test that has waited for it in vain.

use std::fmt::Write;
use std::fs;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};

/// What each of its threads does: by gdb, or else what the kernel says of it.
pub fn of(pid: u32) -> String {
    let mut text = String::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
    {
        let path = task.expect("a thread").path();
        let read = |name| fs::read_to_string(path.join(name)).unwrap_or_default();
        let [name, waits_in, call] = ["comm", "wchan", "syscall"].map(read);
        let (name, call) = (name.trim_end(), call.trim_end());
        writeln!(text, "thread {name} in {waits_in} ({call})").expect("text");
    }
    // Not into a pipe: who reads that may be in the process, which stands still while gdb looks at it.
    let mut said = tempfile::tempfile().expect("a file");
    let mut gdb = Command::new("timeout");
    gdb.args(["-k", "5", "60", "gdb", "-batch", "-nx", "-p"]);
    gdb.args([&pid.to_string(), "-ex", "thread apply all backtrace 40"]);
    gdb.stdin(Stdio::null()).stderr(Stdio::null());
    gdb.stdout(said.try_clone().expect("a file"));
    let is_done = gdb.status().is_ok_and(|ended| ended.success());
    let mut stands = Vec::new();
    said.rewind().expect("a file");
    said.read_to_end(&mut stands).expect("a file");
    match is_done {
        true => text + &String::from_utf8_lossy(&stands),
        false => text + "no gdb, or it may not look\n",
    }
}

#[test]
fn it_names_each_thread() {
    let name = "stands-here";
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name(name.into());
    let thread = thread.spawn(move || stopped.recv().is_err()).unwrap();
    crate::wait::eventually(crate::wait::LONG, "a thread is named", || {
        of(std::process::id()).contains(name)
    });
    drop(stop);
    assert!(thread.join().unwrap());
}
