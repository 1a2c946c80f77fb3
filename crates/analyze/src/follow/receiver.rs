//! Who is told of alerts: an address, or a command.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use archiver_format::mark::checksum;
use rustix::process::{Pid, Signal, kill_process_group};

use super::alert::Alert;
use super::webhook::Client;
use crate::definition::webhook::Webhook;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Who is told of alerts.
pub enum Receiver {
    /// An address.
    Webhook(Client),
    /// A program and its arguments.
    Command(Vec<String>),
}

impl Receiver {
    /// An address.
    ///
    /// # Errors
    ///
    /// If its token isn't where it should be.
    pub fn webhook(webhook: &Webhook) -> anyhow::Result<Self> {
        Client::new(webhook).map(Self::Webhook)
    }

    /// What it is called in messages. Neither a path nor an argument stands in it, as these may be secrets.
    pub fn name(&self) -> String {
        match self {
            Self::Webhook(client) => format!("webhook {}", client.address()),
            Self::Command(words) => format!("command {}", words.first().map_or("", |word| word)),
        }
    }

    /// By which it is known again.
    pub fn key(&self) -> String {
        let whole = match self {
            Self::Webhook(client) => format!("webhook {}", client.url()),
            Self::Command(words) => format!("command {words:?}"),
        };
        checksum(whole.as_bytes())
            .trim_start_matches("xxh3:")
            .to_owned()
    }

    /// Tells it of an alert.
    ///
    /// # Errors
    ///
    /// If it doesn't say that it has it.
    pub async fn take(&self, alert: &Alert) -> anyhow::Result<()> {
        let body = alert.json()?;
        match self {
            Self::Webhook(client) => client.post(&alert.id, body).await,
            Self::Command(words) => {
                let (words, id) = (words.clone(), alert.id.clone());
                let ran = tokio::task::spawn_blocking(move || run(&words, &id, &body, PATIENCE));
                ran.await?
            }
        }
    }
}

/// Runs a command with an alert on its standard input. What it prints goes to standard error.
fn run(words: &[String], id: &str, body: &str, patience: Duration) -> anyhow::Result<()> {
    let Some((program, arguments)) = words.split_first() else {
        bail!("there is no command");
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("ARCHIVER_ALERT_ID", id)
        .stdin(Stdio::piped())
        .stdout(std::io::stderr())
        // Ctrl-C is for the one that runs it.
        .process_group(0);
    let mut child = command.spawn().context("can't be started")?;
    let input = child.stdin.take();
    let line = format!("{body}\n");
    let writing = thread::spawn(move || {
        // It needn't read it.
        input.map(|mut input| input.write_all(line.as_bytes()))
    });
    let ended = wait(&mut child, patience);
    if ended.is_err() {
        end(&mut child);
    }
    drop(writing);
    match ended?.success() {
        true => Ok(()),
        false => Err(anyhow!("ended with {}", child.wait()?)),
    }
}

fn wait(child: &mut Child, patience: Duration) -> anyhow::Result<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("can't be awaited")? {
            return Ok(status);
        }
        if began.elapsed() > patience {
            bail!("didn't end within {patience:?}");
        }
        thread::sleep(LOOK);
    }
}

/// Ends it with all that it has started.
fn end(child: &mut Child) {
    // It may have ended by now.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, patience: Duration) -> Result<(), String> {
        let words = ["sh", "-c", script].map(str::to_owned);
        run(&words, "7-a", "{\"n\":1}", patience).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_command_has_the_alert_and_its_id_and_must_end_well_and_soon() {
        let long = Duration::from_secs(30);
        let has = r#"read -r line && [ "$line" = '{"n":1}' ] && [ "$ARCHIVER_ALERT_ID" = 7-a ]"#;
        assert_eq!(sh(has, long), Ok(()));
        assert_eq!(sh("true", long), Ok(()));
        let failed = sh("exit 3", long).unwrap_err();
        assert_eq!(failed, "ended with exit status: 3");
        let hung = sh("sleep 1000", Duration::from_millis(50)).unwrap_err();
        assert!(hung.contains("didn't end within"), "{hung}");
        let none = run(&["/no/such/program".to_owned()], "", "", long).unwrap_err();
        assert!(
            format!("{none:#}").starts_with("can't be started: "),
            "{none:#}"
        );
    }
}
