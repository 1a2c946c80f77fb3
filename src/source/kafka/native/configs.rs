//! How topics are configured.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;

use super::admin::{Answers, Set};
use super::client::Client;
use super::convert::{array, cstring, text};
use crate::source::cluster::KafkaError;
use crate::source::kafka::errors::error;

impl Client {
    /// The configuration of each of these topics, by key; what is secret has no value. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn configs(
        &self,
        topics: &[String],
        timeout: Duration,
    ) -> Result<Answers<String, BTreeMap<String, String>>, KafkaError> {
        let names = topics
            .iter()
            .map(|topic| cstring(topic))
            .collect::<Result<Vec<_>, _>>()?;
        let call = |options: *mut _, queue: *mut _| {
            let kind = rd::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
            let resource = |name: &std::ffi::CString| {
                // SAFETY: the name is copied.
                unsafe { rd::rd_kafka_ConfigResource_new(kind, name.as_ptr()) }
            };
            let mut resources = names.iter().map(resource).collect::<Vec<_>>();
            // SAFETY: the resources are ours, copied by the call and destroyed after it.
            unsafe {
                let (first, count) = (resources.as_mut_ptr(), resources.len());
                rd::rd_kafka_DescribeConfigs(self.rk, first, count, options, queue);
                rd::rd_kafka_ConfigResource_destroy_array(first, count);
            }
        };
        let read = |event| {
            let mut configs = Vec::new();
            // SAFETY: everything read belongs to `event`, which the caller destroys after this.
            unsafe {
                let result = rd::rd_kafka_event_DescribeConfigs_result(event);
                if result.is_null() {
                    return configs;
                }
                let mut count = 0;
                let found = rd::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
                for &resource in array(found, count) {
                    let name = text(rd::rd_kafka_ConfigResource_name(resource));
                    let code = rd::rd_kafka_ConfigResource_error(resource);
                    let said = rd::rd_kafka_ConfigResource_error_string(resource);
                    configs.push((
                        name,
                        match code == OK {
                            true => Ok(entries(resource)),
                            false => Err(error(code, &text(said))),
                        },
                    ));
                }
            }
            configs
        };
        let operation = rd::RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
        self.ask(operation, timeout, Set::Nothing, call, read)
    }
}

/// # Safety
/// `resource` is alive.
unsafe fn entries(resource: *const rd::rd_kafka_ConfigResource_t) -> BTreeMap<String, String> {
    let mut count = 0;
    // SAFETY: the entries belong to the resource, their texts to the entries.
    unsafe {
        let found = rd::rd_kafka_ConfigResource_configs(resource, &mut count);
        let entries = array(found, count).iter().map(|&entry| {
            let name = text(rd::rd_kafka_ConfigEntry_name(entry));
            (name, text(rd::rd_kafka_ConfigEntry_value(entry)))
        });
        entries.collect()
    }
}
