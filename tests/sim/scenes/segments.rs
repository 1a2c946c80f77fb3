//! Scenes in which an archive has more than one segment.

use std::path::PathBuf;
use std::time::Duration;

use archiver_format::compression::Compression;
use archiver_format::template::Template;

use super::{Scene, archive, topic, write};
use crate::config::{Archive, OnSeal, Rotation};
use crate::sim::world::World;

/// Each segment holds a few records.
pub const BY_RECORDS: Scene = Scene {
    name: "segments of a few records",
    setup: |world| {
        segments(world, "{seq:06}.ndjson", Compression::None);
        config(world).rotation = Rotation {
            records: Some(3),
            ..Rotation::default()
        };
        config(world).on_seal = Some(OnSeal::for_tests());
    },
    happens: |world, _| write(world, 1),
    steps: 4,
    restart: None,
};

/// Each partition has segments of its own, of which not all may be open.
pub const BY_PARTITION: Scene = Scene {
    name: "segments by partition",
    setup: |world| {
        segments(world, "{partition}/{seq}.ndjson.gz", Compression::Gzip(1));
        config(world).open_files = 1;
    },
    happens: |world, _| write(world, 1),
    steps: 3,
    restart: None,
};

/// Each partition has one file, for ever.
pub const OF_PARTITIONS: Scene = Scene {
    name: "a file for each partition",
    setup: |world| segments(world, "{partition}.ndjson.zst", Compression::Zstd(1)),
    happens: |world, _| write(world, 1),
    steps: 3,
    restart: None,
};

/// Each second of the records' time has segments of its own, and a segment that rests is sealed.
pub const BY_TIME: Scene = Scene {
    name: "segments by time",
    setup: |world| {
        segments(world, "{time:%H-%M-%S}/{seq}.ndjson", Compression::None);
        config(world).rotation = Rotation {
            idle: Some(Duration::from_millis(1_000)),
            ..Rotation::default()
        };
    },
    happens: |world, step| {
        if step < 2 {
            write(world, 2)
        }
    },
    steps: 6,
    restart: None,
};

/// A stop seals what is growing, and the archive is started again.
pub const SEALED_AT_A_STOP: Scene = Scene {
    name: "a segment that is sealed at a stop",
    setup: |world| {
        segments(world, "{seq:06}.ndjson.zst", Compression::Zstd(1));
        config(world).seal_on_stop = true;
    },
    happens: |world, _| write(world, 1),
    steps: 3,
    restart: Some(2),
};

/// An archive whose segments have such names.
fn segments(world: &mut World, name: &str, compression: Compression) {
    topic(world, 2);
    archive(world, "/data/out", compression);
    let text = format!("/data/of/{name}");
    let config = config(world);
    config.template = Template::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    config.file = PathBuf::from(text);
}

fn config(world: &mut World) -> &mut Archive {
    &mut world.archives[0].config
}
