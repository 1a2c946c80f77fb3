//! One connection: requests one after the other, each within its limits.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::listener::Stream;
use super::service::Service;

/// How long the head of a request may take, from the end of the answer before it on.
const HEAD_MOST: Duration = Duration::from_secs(10);
/// How long a connection may last, whatever it is used for; a client that reads slowly is cut then.
const LIFE_MOST: Duration = Duration::from_secs(60);
/// What a request that is under way then may take yet, beside what its answer takes to be made.
const END_MOST: Duration = Duration::from_secs(5);
/// The head of a request.
const HEAD_BYTES_MOST: usize = 16 << 10;
const HEADERS_MOST: usize = 64;

/// Answers until the client goes, or is cut. What goes wrong is the client's.
pub(super) async fn serve(stream: Box<dyn Stream>, service: Arc<impl Service>) {
    let answers = service_fn(|request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(&request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MOST)
        .max_buf_size(HEAD_BYTES_MOST)
        .max_headers(HEADERS_MOST)
        .half_close(service.outlasts_client())
        .serve_connection(TokioIo::new(stream), answers);
    let mut connection = pin!(connection);
    if tokio::time::timeout(LIFE_MOST, connection.as_mut())
        .await
        .is_err()
    {
        connection.as_mut().graceful_shutdown();
        let end_most = END_MOST + service.answer_most();
        let _ = tokio::time::timeout(end_most, connection).await;
    }
}
