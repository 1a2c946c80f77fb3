//! The life of a topic: waited for, read, and waited for again once it is gone.

use anyhow::Context;

use super::begin::Begin;
use super::reading::{Ended, Reading};
use super::watched::{AGAIN, Watched, asked, wanted};
use crate::logging;
use crate::source::cluster::{Cluster, KafkaError, Topic, Trouble};

impl Watched<'_> {
    /// Prints what comes until as many records were printed as are wanted.
    ///
    /// # Errors
    ///
    /// If it can't be read, or printed.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut is_gone = false;
        loop {
            let asking = || format!("asking about topic {}", self.name);
            let (topic, has_come) = self.appears(is_gone).await.with_context(asking)?;
            if has_come {
                // All of it is new.
                self.begin = Begin::Earliest;
            }
            let ended = self
                .read(topic)
                .await
                .map_err(|e| match e.is::<KafkaError>() {
                    true => e.context(format!("reading topic {}", self.name)),
                    // That it can't be printed is nothing of the topic's.
                    false => e,
                });
            match ended? {
                Ended::Enough => return Ok(()),
                Ended::Deleted => {
                    logging::complain(&format!(
                        "topic {}: it was deleted; waiting until it is created again",
                        self.name
                    ));
                    is_gone = true;
                }
                Ended::Recreated => {
                    logging::complain(&format!(
                        "topic {}: it was deleted and created again; going on with its first record",
                        self.name
                    ));
                    self.begin = Begin::Earliest;
                    is_gone = false;
                }
            }
        }
    }

    fn called(&self) -> String {
        format!("topic {}", self.name)
    }

    /// Waits until there is such a topic, and says whether there was none first.
    async fn appears(&self, mut is_gone: bool) -> Result<(Topic, bool), KafkaError> {
        loop {
            let describe = async || self.seat.describe(&self.name).await;
            match asked(&self.called(), describe).await {
                Ok(topic) => {
                    if is_gone {
                        logging::complain(&format!("topic {}: it is there now", self.name));
                    }
                    return Ok((topic, is_gone));
                }
                Err(e) if e.kind == Trouble::Missing => {
                    if !std::mem::replace(&mut is_gone, true) {
                        logging::complain(&format!(
                            "topic {}: there is none; waiting until it is created",
                            self.name
                        ));
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads a topic until it is gone.
    async fn read(&mut self, topic: Topic) -> anyhow::Result<Ended> {
        let partitions = wanted(self.only, 0..topic.partitions);
        if let (Some(only), true) = (self.only, partitions.is_empty()) {
            logging::complain(&format!(
                "topic {}: there is no partition {only} yet, only 0 to {}; waiting for it",
                self.name,
                topic.partitions - 1
            ));
        }
        let begin = async || {
            let (name, partitions) = (&self.name, partitions.clone());
            let from = self.begin.positions(&self.seat, name, partitions).await?;
            Ok((self.seat.reader(name, &from).await?, from))
        };
        match asked(&self.called(), begin).await {
            Ok((reader, from)) => Reading::new(self, topic, reader, from).run().await,
            Err(e) if e.kind == Trouble::Missing => Ok(Ended::Deleted),
            Err(e) => Err(e.into()),
        }
    }
}
