//! Requests made at the same time, answered together: while one batch is being served, the next one gathers.

use tokio::sync::{mpsc, oneshot};

/// Gathers requests into batches.
pub struct Batch<K, V>(mpsc::UnboundedSender<(K, oneshot::Sender<V>)>);

impl<K, V> Clone for Batch<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Send + 'static, V: Send + 'static> Batch<K, V> {
    /// `serve` gets the requests of a batch and returns as many answers. Must be called within a tokio runtime.
    pub fn new<F>(serve: impl Fn(Vec<K>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<V>> + Send,
    {
        let (sender, mut requests) = mpsc::unbounded_channel::<(K, oneshot::Sender<V>)>();
        tokio::spawn(async move {
            while let Some(first) = requests.recv().await {
                let mut batch = vec![first];
                while let Ok(next) = requests.try_recv() {
                    batch.push(next);
                }
                let (keys, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
                for (answer, asked) in serve(keys).await.into_iter().zip(waiting) {
                    // Whoever asked may have given up.
                    let _ = asked.send(answer);
                }
            }
        });
        Self(sender)
    }

    /// Asks, now; the answer can be awaited later.
    pub fn ask(&self, request: K) -> impl Future<Output = V> + Send + use<K, V> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send((request, answer));
        async move {
            match (sent, answered.await) {
                (Ok(()), Ok(answer)) => answer,
                // The runtime is going away, and the task that waits here with it.
                _ => std::future::pending().await,
            }
        }
    }
}
