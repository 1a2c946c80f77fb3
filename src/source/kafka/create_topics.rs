//! Making topics.

use std::time::Duration;

use super::native::{Created, NewTopic};
use super::scanner::Scanner;
use crate::source::cluster::KafkaError;

/// How long it may take until the brokers know a topic.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Scanner {
    /// Makes a topic, unless there is one of this name. The brokers know it then, but one of them may learn of it a moment
    /// later.
    ///
    /// # Errors
    ///
    /// If it can't be made: it isn't allowed, say, or a value of its configuration is none.
    pub async fn create_topic(&self, new: NewTopic) -> Result<Created, KafkaError> {
        let create = move |asker: &super::native::Client| asker.create_topic(&new, TIMEOUT);
        self.cluster.told(create).await
    }
}
