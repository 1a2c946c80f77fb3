//! One connection: requests one after the other, each within its limits.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::listener::Stream;
use super::routes::Routes;

/// How long the head of a request may take, from the end of the answer before it on.
const HEAD_MOST: Duration = Duration::from_secs(10);
/// How long a connection may last, whatever it is used for; a client that reads slowly is cut then.
const LIFE_MOST: Duration = Duration::from_secs(60);
/// What a request that is under way then may take yet.
const END_MOST: Duration = Duration::from_secs(5);
/// The head of a request.
const HEAD_BYTES_MOST: usize = 16 << 10;
const HEADERS_MOST: usize = 64;

/// Answers until the client goes, or is cut. What goes wrong is the client's.
pub(super) async fn serve(stream: Box<dyn Stream>, routes: Arc<Routes>) {
    let service = service_fn(|request| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, Infallible>(routes.answer(&request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MOST)
        .max_buf_size(HEAD_BYTES_MOST)
        .max_headers(HEADERS_MOST)
        // Some clients end their side as soon as they have asked.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    if tokio::time::timeout(LIFE_MOST, connection.as_mut())
        .await
        .is_err()
    {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(END_MOST, connection).await;
    }
}
