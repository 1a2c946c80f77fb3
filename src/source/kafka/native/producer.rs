//! A producer: records on their way to the brokers, and what became of each.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use archiver_format::record::Partition;
use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL as FATAL;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR__FENCED as FENCED;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL as FULL;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH as INVALID_EPOCH;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED as PRODUCER_FENCED;
use rdkafka_sys::rd_kafka_vtype_t as Field;
use rdkafka_sys::rd_kafka_vu_s__bindgen_ty_1 as Value;

use super::callbacks::Events;
use super::client::Client;
use super::convert::{millis, text};
use super::new_record::NewRecord;
use super::target::Target;
use super::undelivered::{Refusal, Report, Undelivered};
use crate::source::cluster::{KafkaError, Trouble};
use crate::source::kafka::errors::error;

/// Why a record was not taken.
#[derive(Debug, Clone)]
pub enum NotSent {
    /// The client holds as many as it may; it takes more when some of them have arrived.
    Full,
    /// It will never be taken: it is too large, say, or there is no such partition.
    Refused(Refusal, KafkaError),
}

/// What stands for a partition that the client is to choose.
const ANY: Partition = -1;

/// A librdkafka producer handle.
pub(in crate::source::kafka) struct Producer {
    pub(super) client: Arc<Client>,
}

impl Producer {
    pub(in crate::source::kafka) fn new<'a>(
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
        events: Box<dyn Events>,
    ) -> Result<Self, String> {
        let client = Client::sending(properties, events)?;
        Ok(Self { client })
    }

    /// The client that it sends with, which answers questions, too.
    pub(in crate::source::kafka) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// A topic to send to. Contacts nobody.
    pub(in crate::source::kafka) fn target(&self, name: &str) -> Result<Target, KafkaError> {
        Target::new(&self.client, name)
    }

    /// Gives a copy of a record to the client, which reports with this tag what became of it. Never waits. A target of
    /// another producer is refused.
    #[inline]
    pub(in crate::source::kafka) fn send(
        &self,
        target: &Target,
        record: &NewRecord<'_>,
        tag: u64,
    ) -> Result<(), NotSent> {
        if !Arc::ptr_eq(&target.client, &self.client) {
            return Err(refused("the topic is another producer's"));
        }
        // The client takes 0 for none, and would have it be now.
        if record.timestamp_ms == Some(0) {
            return Err(refused(
                "the client can't send a timestamp of 0, which it takes for none",
            ));
        }
        let Ok(tag) = usize::try_from(tag) else {
            return Err(refused("the tag is too large"));
        };
        let headers = headers(record.headers);
        let fields = [
            field(Field::RD_KAFKA_VTYPE_RKT, Value { rkt: target.rkt }),
            field(
                Field::RD_KAFKA_VTYPE_PARTITION,
                Value {
                    i32_: record.partition.unwrap_or(ANY),
                },
            ),
            field(
                Field::RD_KAFKA_VTYPE_MSGFLAGS,
                Value {
                    i: rd::RD_KAFKA_MSG_F_COPY,
                },
            ),
            field(Field::RD_KAFKA_VTYPE_KEY, bytes(record.key)),
            field(Field::RD_KAFKA_VTYPE_VALUE, bytes(record.value)),
            field(
                Field::RD_KAFKA_VTYPE_TIMESTAMP,
                Value {
                    i64_: record.timestamp_ms.unwrap_or(0),
                },
            ),
            field(
                Field::RD_KAFKA_VTYPE_OPAQUE,
                Value {
                    ptr: ptr::without_provenance_mut(tag),
                },
            ),
            field(Field::RD_KAFKA_VTYPE_HEADERS, Value { headers }),
        ];
        // SAFETY: key and value live through the call, which copies them; the topic is this client's, and alive. The
        // headers are the client's from a success on, else they are still ours.
        unsafe {
            let failed = rd::rd_kafka_produceva(self.client.rk, fields.as_ptr(), fields.len());
            if failed.is_null() {
                return Ok(());
            }
            if !headers.is_null() {
                rd::rd_kafka_headers_destroy(headers);
            }
            let code = rd::rd_kafka_error_code(failed);
            let not_sent = match code {
                FULL => NotSent::Full,
                FATAL => NotSent::Refused(
                    Refusal::Lost,
                    self.fatal().unwrap_or_else(|| error(code, "")),
                ),
                // Its words say no more than the code.
                _ => NotSent::Refused(Refusal::of(code), error(code, "")),
            };
            rd::rd_kafka_error_destroy(failed);
            Err(not_sent)
        }
    }

    /// Hands what has been reported to `each`, in its order, and says how much that was. Never waits.
    pub(in crate::source::kafka) fn delivered(
        &self,
        each: &mut dyn FnMut(u64, Result<(), Undelivered>),
    ) -> usize {
        self.client.poll();
        let mut reports = std::mem::take(&mut *self.reports());
        let count = reports.len();
        for report in reports.drain(..) {
            each(report.tag, report.outcome());
        }
        self.reuse(reports);
        count
    }

    /// Keeps the room of what was taken for what comes next.
    fn reuse(&self, taken: Vec<Report>) {
        let mut reports = self.reports();
        if reports.is_empty() && reports.capacity() < taken.capacity() {
            *reports = taken;
        }
    }

    fn reports(&self) -> std::sync::MutexGuard<'_, Vec<Report>> {
        let reports = &self.client.shared.reports;
        reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something has been reported that was not taken yet, but no longer than this.
    pub(in crate::source::kafka) fn wait(&self, timeout: Duration) {
        if self.reports().is_empty() {
            // SAFETY: the handle is alive; the callbacks only touch `Shared`.
            unsafe { rd::rd_kafka_poll(self.client.rk, millis(timeout)) };
        }
    }

    /// How many records were sent and not reported on, as far as the client knows.
    pub(in crate::source::kafka) fn outstanding(&self) -> usize {
        // SAFETY: the handle is alive.
        let length = unsafe { rd::rd_kafka_outq_len(self.client.rk) };
        usize::try_from(length).unwrap_or(0)
    }

    /// Sends what waits for company at once, and waits until all of it was reported on, but no longer than this. How
    /// many are left then.
    pub(in crate::source::kafka) fn flush(&self, timeout: Duration) -> usize {
        // SAFETY: the handle is alive; the callbacks only touch `Shared`.
        unsafe { rd::rd_kafka_flush(self.client.rk, millis(timeout)) };
        self.outstanding()
    }

    /// Gives up all that was not reported on: it is reported as purged.
    pub(in crate::source::kafka) fn purge(&self) {
        self.client.purge();
    }

    /// Why this producer can send nothing any more, if that is so.
    pub(in crate::source::kafka) fn fatal(&self) -> Option<KafkaError> {
        let mut said = [0; 512];
        // SAFETY: the handle is alive; `said` is written in this call, and ends with a NUL.
        unsafe {
            let code = rd::rd_kafka_fatal_error(self.client.rk, said.as_mut_ptr(), said.len());
            (code != OK).then(|| error(code, &text(said.as_ptr())))
        }
    }

    /// Can it send nothing any more because the brokers take its transactional id for another one's?
    pub(in crate::source::kafka) fn is_fenced(&self) -> bool {
        // SAFETY: the handle is alive; nothing is written where no words are wanted.
        let code = unsafe { rd::rd_kafka_fatal_error(self.client.rk, ptr::null_mut(), 0) };
        matches!(code, FENCED | PRODUCER_FENCED | INVALID_EPOCH)
    }

    /// How many records have arrived.
    pub(in crate::source::kafka) fn arrived(&self) -> u64 {
        self.client.shared.arrived.load(Ordering::Relaxed)
    }
}

impl Client {
    /// Gives up all records that were not reported on.
    pub(super) fn purge(&self) {
        let all = rd::RD_KAFKA_PURGE_F_QUEUE | rd::RD_KAFKA_PURGE_F_INFLIGHT;
        // SAFETY: the handle is alive.
        unsafe { rd::rd_kafka_purge(self.rk, all) };
        self.poll();
    }
}

#[inline]
fn field(vtype: Field, u: Value) -> rd::rd_kafka_vu_t {
    rd::rd_kafka_vu_t { vtype, u }
}

/// Null, or so many bytes, which may be none: Rust's pointer to no bytes isn't null.
#[inline]
fn bytes(of: Option<&[u8]>) -> Value {
    let (ptr, size) = of.map_or((ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len()));
    let ptr = ptr.cast::<c_void>().cast_mut();
    Value {
        mem: rd::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size },
    }
}

/// A copy of these headers, which is the caller's; null if there are none.
#[inline]
fn headers(of: &[(Vec<u8>, Option<Vec<u8>>)]) -> *mut rd::rd_kafka_headers_t {
    if of.is_empty() {
        return ptr::null_mut();
    }
    // SAFETY: each name and value is copied, by its length: nothing in them ends them.
    unsafe {
        let headers = rd::rd_kafka_headers_new(of.len());
        for (name, value) in of {
            let (value, size) = value
                .as_ref()
                .map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len()));
            rd::rd_kafka_header_add(
                headers,
                name.as_ptr().cast(),
                name.len().cast_signed(),
                value.cast(),
                size.cast_signed(),
            );
        }
        headers
    }
}

fn refused(why: &str) -> NotSent {
    let kind = Trouble::Other;
    let text = why.into();
    NotSent::Refused(Refusal::Other, KafkaError { kind, text })
}
