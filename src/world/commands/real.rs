//! Commands of the operating system, with a thread for each while it runs.
//!
//! The thread looks again and again whether its command has ended: no handler for SIGCHLD is needed, which the whole
//! process would have to share. A command gets a process group of its own, and what is left of that ends with it.

use std::os::unix::process::CommandExt;
use std::process::{self, Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::sync::oneshot;

use super::output::Output;
use super::{Command, CommandError, Leash, Programs, Turn};

/// How often it is looked whether a command has ended that still has its output open.
const LOOK: Duration = Duration::from_millis(50);
/// The same of one that has closed it, as it does by ending.
const LOOK_AT_END: Duration = Duration::from_millis(5);

/// The operating system's.
pub struct RealPrograms;

/// Ends the command when nobody waits for it any more.
struct EndOnDrop(Leash);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end(Duration::ZERO);
    }
}

impl Programs for RealPrograms {
    fn run(
        &self,
        command: Command,
        leash: Leash,
        turn: Turn,
    ) -> BoxFuture<'static, Result<(), CommandError>> {
        async move {
            let (done, when_done) = oneshot::channel();
            let watched = EndOnDrop(leash.clone());
            let work = move || {
                let ended = run(command, &leash);
                drop(turn);
                // Nobody may wait any more.
                let _ = done.send(ended);
            };
            let thread = thread::Builder::new().name("on-seal".into()).spawn(work);
            thread.map_err(CommandError::NoThread)?;
            let ended = when_done.await;
            drop(watched);
            ended.unwrap_or_else(|_| {
                let fault = "a fault in the program";
                Err(CommandError::Lost(std::io::Error::other(fault)))
            })
        }
        .boxed()
    }
}

/// Runs it to its end.
fn run(command: Command, leash: &Leash) -> Result<(), CommandError> {
    let Command {
        label,
        words,
        variables,
    } = command;
    let mut words = words.into_iter();
    let mut command = process::Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command.spawn().map_err(CommandError::Start)?;
    let mut out = Output::new(child.stdout.take(), &label);
    let mut err = Output::new(child.stderr.take(), &label);
    let ended = watch(&child, leash, &mut out, &mut err);
    // It isn't awaited yet, so that its number is nobody else's.
    signal_group(&child, Signal::KILL);
    let status = match ended {
        Ok(()) => child.wait(),
        Err(e) => {
            let _ = child.kill();
            Err(e)
        }
    };
    out.last_line();
    match status.map_err(CommandError::Lost)? {
        status if status.success() => Ok(()),
        status => Err(CommandError::Failed {
            status,
            last_line: err.last_line(),
        }),
    }
}

/// Listens to a command until it has ended, and ends it when it is to end.
fn watch(child: &Child, leash: &Leash, out: &mut Output, err: &mut Output) -> std::io::Result<()> {
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let pid = Pid::from_child(child);
    let (mut asked, mut is_killed) = (None::<Instant>, false);
    loop {
        wait_for_output(out, err);
        out.listen();
        err.listen();
        if waitid(WaitId::Pid(pid), how)?.is_some() {
            return Ok(());
        }
        let Some(grace) = leash.ended() else {
            continue;
        };
        match asked {
            None => {
                asked = Some(Instant::now());
                signal_group(child, Signal::TERM);
            }
            Some(asked) if !is_killed && asked.elapsed() >= grace => {
                is_killed = true;
                signal_group(child, Signal::KILL);
            }
            Some(_) => {}
        }
    }
}

/// Waits until it has written something, but not for long.
fn wait_for_output(out: &Output, err: &Output) {
    let open = [out.pipe(), err.pipe()].into_iter().flatten();
    let mut open = open
        .map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN))
        .collect::<Vec<_>>();
    let most = match open.is_empty() {
        true => LOOK_AT_END,
        false => LOOK,
    };
    let most = Timespec {
        tv_sec: 0,
        tv_nsec: most.subsec_nanos().into(),
    };
    // It is looked again in any case.
    let _ = poll(&mut open, Some(&most));
}

/// Tells a command and what it has started. It may have put itself into another group.
fn signal_group(child: &Child, signal: Signal) {
    let pid = Pid::from_child(child);
    if kill_process_group(pid, signal).is_err() {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::time::Instant;

    use std::path::Path;
    use std::sync::Arc;

    use super::super::Commands;
    use super::*;

    fn shell(script: &str) -> Command {
        Command {
            label: "a test".into(),
            words: ["sh", "-c", script, "arg 0", "$HOME"]
                .map(String::from)
                .into(),
            variables: vec![("GIVEN", Some(OsString::from("a b"))), ("HOME", None)],
        }
    }

    async fn run(script: &str, leash: &Leash) -> Result<(), CommandError> {
        let commands = Commands::new(Arc::new(RealPrograms));
        let turn = commands.turn().await;
        commands.run(turn, shell(script), leash).await
    }

    async fn said(script: &str) -> String {
        match run(script, &Leash::default()).await {
            Ok(()) => "nothing".into(),
            Err(e) => e.to_string(),
        }
    }

    #[tokio::test]
    async fn it_has_its_words_and_variables_and_nothing_to_read() {
        let script =
            r#"[ "$GIVEN" = "a b" ] && [ -z "${HOME+x}" ] && [ "$1" = '$HOME' ] && ! read line"#;
        assert_eq!(said(script).await, "nothing");
    }

    #[tokio::test]
    async fn how_it_failed_is_said_with_its_last_line() {
        let long = format!("ended with exit code 1: {}…", "0".repeat(200));
        for (script, expected) in [
            ("exit 3", "ended with exit code 3"),
            (
                "echo out; echo one >&2; printf 'two\\033\\n\\n' >&2; exit 1",
                "ended with exit code 1: two",
            ),
            (
                "printf 'no end' >&2; exit 1",
                "ended with exit code 1: no end",
            ),
            ("printf '%0999d' 0 >&2; exit 1", &*long),
            ("kill -9 $$", "was ended by a signal: 9 (SIGKILL)"),
        ] {
            assert_eq!(said(script).await, expected);
        }
        let missing = Command {
            words: vec!["/nowhere/to/be/found".into()],
            ..shell("")
        };
        let commands = Commands::new(Arc::new(RealPrograms));
        let turn = commands.turn().await;
        let ended = commands.run(turn, missing, &Leash::default()).await;
        assert!(matches!(ended, Err(CommandError::Start(_))), "{ended:?}");
    }

    #[tokio::test]
    async fn what_it_has_started_ends_with_it_and_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(said("sleep 1000 & exit 0").await, "nothing");
        assert!(began.elapsed() < Duration::from_secs(100));
    }

    #[tokio::test]
    async fn much_output_is_read() {
        assert_eq!(said("yes | head -c 3000000; exit 0").await, "nothing");
    }

    async fn await_file(path: &Path) {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn it_is_asked_to_end_and_then_must() {
        let directory = tempfile::tempdir().expect("a directory");
        let endless = "while :; do sleep 0.01; done";
        for (number, script, expected) in [
            (
                1,
                format!("trap 'echo asked >&2; exit 9' TERM; touch $FILE; {endless}"),
                "ended with exit code 9: asked",
            ),
            (
                2,
                format!("trap '' TERM; touch $FILE; {endless}"),
                "was ended by a signal: 9 (SIGKILL)",
            ),
            (
                3,
                "touch $FILE; exec yes".to_owned(),
                "was ended by a signal: 15 (SIGTERM)",
            ),
        ] {
            let file = directory.path().join(number.to_string());
            let leash = Leash::default();
            let script = format!("FILE={}; {script}", file.display());
            let ending = async {
                await_file(&file).await;
                leash.end(Duration::from_millis(300));
            };
            let (ended, ()) = futures_util::join!(run(&script, &leash), ending);
            assert_eq!(ended.expect_err("ended").to_string(), expected);
        }
    }

    #[tokio::test]
    async fn only_a_few_run_at_once() {
        let commands = Commands::new(Arc::new(RealPrograms));
        let mut turns = Vec::new();
        for _ in 0..super::super::MOST {
            turns.push(commands.turn().await);
        }
        assert!(commands.turn().now_or_never().is_none());
        turns.pop();
        assert!(commands.turn().now_or_never().is_some());
    }
}
