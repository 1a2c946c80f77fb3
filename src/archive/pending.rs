//! Waiting for a future that may not be there.

use futures_util::future::BoxFuture;

/// Waits for a future; for ever without one.
pub(super) async fn pending_or<T>(future: &mut Option<BoxFuture<'_, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
