//! Which clusters are meant, by the flags and the configuration.

use crate::catalog::usual_config;
use crate::cli::Common;
use crate::commands::connection::Connection;
use crate::config::{Checked, Config, Typed, TypedError, for_capture};

/// A configuration of the clusters that are meant: the one that was typed, or all of the file.
pub(super) fn config(common: &Common, connection: &Connection) -> anyhow::Result<Checked<Config>> {
    let typed = connection.typed()?;
    let base = common.config.as_deref();
    let base = base.or_else(|| usual_config().filter(|_| typed.broker.is_none()));
    let any = Typed {
        topics: vec!["any".to_owned()],
        file: Some("not-written/{topic}".to_owned()),
        ..typed.clone()
    };
    let made = match (&typed.broker, base) {
        (None, Some(base)) => match for_capture(Some(base), &typed) {
            // It names clusters only.
            Err(TypedError::NoTopic) => for_capture(Some(base), &any),
            made => made,
        },
        (_, base) => for_capture(base, &any),
    };
    Ok(made?)
}

/// What else has to stand in the configuration for what was typed: names only, as a value may be a secret.
pub(super) fn hint(connection: &Connection) -> anyhow::Result<Vec<String>> {
    let properties = connection.typed()?.properties.into_iter();
    Ok(properties.map(|(name, _)| name).collect())
}
