//! Alerts that wait to be delivered.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::alert::Alert;

/// Alerts that wait, numbered from the first that there ever was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Waiting {
    /// The number of the first of them.
    pub first: u64,
    /// They, in their order.
    pub alerts: VecDeque<Alert>,
}

impl Waiting {
    /// Forgets those with a lower number.
    pub fn skip_to(&mut self, number: u64) {
        while self.first < number && self.alerts.pop_front().is_some() {
            self.first += 1;
        }
    }
}
