//! The server: a thread that accepts connections, and a way to end it.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Builder;
use tokio::task::AbortHandle;

use super::connection;
use super::listener::{Bound, Listener, Listening, OwnSocket};
use super::service::Service;

/// So many clients at once; one more takes the place of the one that has been here longest.
const CONNECTIONS_MOST: usize = 64;
/// After the system could give no connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers requests until it is stopped.
pub struct Server {
    accepting: AbortHandle,
    socket: Option<OwnSocket>,
}

impl Bound {
    /// Begins to answer, by a thread of its own, which does something else besides.
    ///
    /// # Errors
    ///
    /// If the system has no thread for it.
    pub fn serve(
        self,
        service: impl Service,
        besides: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Server> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let Self { listening, .. } = self;
        let (listener, socket) = {
            let _within = runtime.enter();
            match listening {
                Listening::Tcp(listener) => (Listener::Tcp(TcpListener::from_std(listener)?), None),
                Listening::Unix(listener, socket) => (
                    Listener::Unix(UnixListener::from_std(listener)?),
                    Some(socket),
                ),
            }
        };
        runtime.spawn(besides);
        let accepting = runtime.spawn(accept(listener, Arc::new(service)));
        let server = Server {
            accepting: accepting.abort_handle(),
            socket,
        };
        thread::Builder::new().name("http".into()).spawn(move || {
            let _ = runtime.block_on(accepting);
        })?;
        Ok(server)
    }
}

impl Server {
    /// Ends it; a socket's file is removed.
    pub fn stop(&self) {
        self.accepting.abort();
        if let Some(socket) = &self.socket {
            socket.remove();
        }
    }
}

/// Accepts for ever. Ending it ends all connections.
async fn accept(listener: Listener, service: Arc<impl Service>) {
    let mut open = VecDeque::<Connection>::with_capacity(CONNECTIONS_MOST);
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!("accepting a connection: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        open.retain(|Connection(task)| !task.is_finished());
        if open.len() >= CONNECTIONS_MOST {
            open.pop_front();
        }
        let serving = connection::serve(stream, Arc::clone(&service));
        open.push_back(Connection(tokio::spawn(serving).abort_handle()));
    }
}

/// A connection, which ends with this.
struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}
