//! Threads of their own for what may block: a cluster that doesn't answer must not hold up those that the disks are
//! written by.

use crate::source::cluster::{KafkaError, Trouble};

/// Runs what may block. There is at most one of each kind for each cluster.
pub(super) async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, KafkaError> {
    let failed = |text| KafkaError {
        kind: Trouble::Other,
        text,
    };
    let (done, when_done) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("kafka-asks".into());
    thread.spawn(move || drop(done.send(job()))).map_err(|e| {
        failed(format!(
            "starting a thread: {e}; raise the limit of processes (ulimit -u)"
        ))
    })?;
    // It has said where.
    when_done
        .await
        .map_err(|_| failed("a fault in the program".into()))
}

/// Drops clients, as a client takes a moment to end; here if there can't be a thread.
pub(super) fn end_aside<T: Send + 'static>(clients: T) {
    let thread = std::thread::Builder::new().name("kafka-ends".into());
    let _ = thread.spawn(move || drop(clients));
}
