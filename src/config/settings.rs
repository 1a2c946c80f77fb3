//! The keys of one archive, with those of `[defaults]`, and the archive that they make.

use std::path::PathBuf;

use archiver_format::compression::Compression;
use archiver_format::line::Format;
use archiver_format::template::Template;

use super::built::{Archive, Checked, Cluster, Start};
use super::key_kind::{Key, Kind};
use super::keys::{
    ALARM_HEADROOM, CHECKPOINT, CORRUPT, EXISTING, FILE_MODE, FLUSH, INDEX, OPEN_FILES,
    SEAL_ON_STOP, STALLED_AFTER, START, TIMEZONE,
};
use super::problem::Text;
use super::table::Table;
use super::walk::Walker;
use super::{compression, format, segments};

/// What makes an archive the one that it is.
pub(super) struct Identity {
    pub name: String,
    pub cluster: Checked<Cluster>,
    pub topic: String,
    pub file: PathBuf,
    pub template: Template,
    pub state: PathBuf,
}

/// What follows from several keys at once.
pub(super) struct Settled {
    compression: Compression,
    format: Format,
    start: Start,
}

/// The keys of one archive.
pub(super) struct Settings<'t> {
    pub own: &'t Table,
    pub defaults: &'t Table,
}

impl<'t> Settings<'t> {
    /// The archive's own value, or that of `[defaults]`.
    fn get<K: Kind>(&self, key: &Key<K>) -> Option<&'t K::Value> {
        self.own.get(key).or_else(|| self.defaults.get(key))
    }

    /// What goes together: rotation, names, compression, format, and where it begins.
    pub fn settle(
        &self,
        walker: &mut Walker<'_>,
        file: &Text,
        template: Option<&Template>,
    ) -> Option<Settled> {
        let (own, defaults) = (self.own, self.defaults);
        segments::check_rotate(walker, own);
        let path = template.map(Template::example);
        let path = path.as_ref().unwrap_or(&file.value);
        let compression = compression::settle(walker, file, path, own, defaults);
        let format = format::settle(walker, own, defaults);
        let zone = self.get(&TIMEZONE)?;
        let start = self.get(&START)?.by_clock(walker, START.name, zone);
        segments::check(walker, file, template?, own, defaults);
        Some(Settled {
            compression: compression?,
            format: format?,
            start: start?,
        })
    }

    /// The archive.
    pub fn archive(&self, identity: Identity, settled: Settled) -> Option<Archive> {
        let Identity {
            name,
            cluster,
            topic,
            file,
            template,
            state,
        } = identity;
        Some(Archive {
            name,
            cluster,
            topic,
            file,
            retention: segments::retention(&template, self.own, self.defaults),
            template,
            rotation: segments::rotation(self.own, self.defaults),
            open_files: usize::try_from(*self.get(&OPEN_FILES)?).ok()?,
            seal_on_stop: *self.get(&SEAL_ON_STOP)?,
            index: *self.get(&INDEX)?,
            on_seal: segments::on_seal(self.own, self.defaults),
            state,
            start: settled.start,
            start_of: None,
            flush: *self.get(&FLUSH)?,
            checkpoint: *self.get(&CHECKPOINT)?,
            compression: settled.compression,
            format: settled.format,
            existing: *self.get(&EXISTING)?,
            file_mode: self.get(&FILE_MODE).copied(),
            corrupt: *self.get(&CORRUPT)?,
            stalled_after: *self.get(&STALLED_AFTER)?,
            alarm_headroom: *self.get(&ALARM_HEADROOM)?,
        })
    }
}
