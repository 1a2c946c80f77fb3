//! What librdkafka tells a client by calling it, from any of its threads.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka_sys as rd;
use tokio::sync::Notify;

use super::convert::text;
use super::undelivered::Report;
use crate::source::cluster::KafkaError;
use crate::source::kafka::errors::error;

/// What a client says of itself, from any of its threads.
pub(in crate::source::kafka) trait Events: Send + Sync {
    /// A line of librdkafka's log; `level` is syslog's (3 error … 7 debug).
    fn log(&self, level: i32, text: &str);
    /// A broker can't be used, or the cluster lets nobody in; librdkafka goes on trying.
    fn trouble(&self, error: KafkaError);
    /// No broker can be used any more.
    fn all_down(&self);
    /// A broker, called `host:port/number` as everywhere, has held back an answer for so long, as too much was asked.
    fn throttled(&self, _broker: &str, _by: Duration) {}
}

/// What a client's callbacks work on.
pub(super) struct Shared {
    pub events: Box<dyn Events>,
    pub wake: Arc<Notify>,
    /// There was no thread for a broker.
    pub lacks_thread: AtomicBool,
    /// Reports that nobody has taken yet, in their order.
    pub reports: Mutex<Vec<Report>>,
    /// So many of them said that a record has arrived.
    pub arrived: AtomicU64,
}

impl Shared {
    pub(super) fn new(events: Box<dyn Events>) -> Self {
        Self {
            events,
            wake: Arc::default(),
            lacks_thread: AtomicBool::new(false),
            reports: Mutex::default(),
            arrived: AtomicU64::new(0),
        }
    }
}

pub(super) unsafe extern "C" fn on_main_event(_: *mut rd::rd_kafka_t, shared: *mut c_void) {
    // SAFETY: the Client keeps `Shared` until after rd_kafka_destroy.
    unsafe { &*shared.cast::<Shared>() }.wake.notify_one();
}

pub(super) unsafe extern "C" fn on_log(
    rk: *const rd::rd_kafka_t,
    level: c_int,
    _facility: *const c_char,
    line: *const c_char,
) {
    // SAFETY: the opaque is the client's `Shared`, or null while the client is being made.
    unsafe {
        let shared = rd::rd_kafka_opaque(rk).cast::<Shared>();
        if !shared.is_null() {
            (*shared).events.log(level, text(line).trim());
        }
    }
}

/// Leaves it to OpenSSL whether a certificate is trusted. Why not, the client logs if it is told here.
pub(super) unsafe extern "C" fn on_certificate(
    _: *mut rd::rd_kafka_t,
    _broker: *const c_char,
    _number: i32,
    found: *mut c_int,
    _depth: c_int,
    _certificate: *const c_char,
    _length: usize,
    said: *mut c_char,
    room: usize,
    _: *mut c_void,
) -> c_int {
    // SAFETY: the number of what OpenSSL has found is alive in this call, and `said` has `room` bytes.
    unsafe {
        let found = *found;
        let words = found.to_string();
        if words.len() < room {
            std::ptr::copy_nonoverlapping(words.as_ptr().cast(), said, words.len());
            *said.add(words.len()) = 0;
        }
        c_int::from(found == 0)
    }
}

pub(super) unsafe extern "C" fn on_throttle(
    _: *mut rd::rd_kafka_t,
    broker: *const c_char,
    number: i32,
    ms: c_int,
    shared: *mut c_void,
) {
    // SAFETY: the name is alive in this call; the opaque is the client's `Shared`.
    unsafe {
        let broker = format!("{}/{number}", text(broker));
        let by = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        (*shared.cast::<Shared>()).events.throttled(&broker, by);
    }
}

pub(super) unsafe extern "C" fn on_error(
    _: *mut rd::rd_kafka_t,
    code: c_int,
    reason: *const c_char,
    shared: *mut c_void,
) {
    // SAFETY: `code` is one of librdkafka's own error codes; the opaque is the client's `Shared`.
    unsafe {
        let code = std::mem::transmute::<c_int, rd::RDKafkaRespErr>(code);
        let shared = &*shared.cast::<Shared>();
        if code == rd::RDKafkaRespErr::RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE {
            shared.lacks_thread.store(true, Ordering::Relaxed);
        }
        if code == rd::RDKafkaRespErr::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
            shared.events.all_down();
        } else {
            shared.events.trouble(error(code, &text(reason)));
        }
    }
}

/// A record has arrived, or never will. Called within a poll, by whoever polls.
pub(super) unsafe extern "C" fn on_delivery(
    _: *mut rd::rd_kafka_t,
    message: *const rd::rd_kafka_message_t,
    shared: *mut c_void,
) {
    // SAFETY: the message is alive in this call, and was sent; the opaque is the client's `Shared`.
    unsafe {
        let report = Report::new(message);
        let shared = &*shared.cast::<Shared>();
        if report.has_arrived() {
            shared.arrived.fetch_add(1, Ordering::Relaxed);
        }
        let mut reports = (shared.reports)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        reports.push(report);
    }
}
