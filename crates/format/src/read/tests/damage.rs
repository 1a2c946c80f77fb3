use super::*;
use crate::index::IndexReader;
use crate::index::entry::seal;

/// Changes a file, and puts it back afterwards.
fn changed(written: &Written, path: &Path, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let whole = fs::read(path).expect("a file");
    let mut bytes = whole.clone();
    change(&mut bytes);
    if bytes == whole {
        return;
    }
    put(path, bytes);
    written.is_noticed(what);
    put(path, whole);
}

#[test]
fn a_byte_that_is_changed_anywhere_is_noticed() {
    each_compression(12, |seed, how| {
        let mut random = Random(seed);
        let written = Written::new(seed, how, 4, 0);
        for path in [&written.segment.path, written.index()] {
            for _ in 0..150 {
                changed(&written, path, "a changed byte", |bytes| {
                    let at = random.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << random.below(8);
                });
            }
        }
    });
}

#[test]
fn a_changed_byte_is_named_by_its_block() {
    each_compression(12, |seed, how| {
        let written = Written::new(seed, how, 5, 0);
        changed_block(&written, 3);
        let named = format!("the block at byte {} is damaged", written.starts[3]);
        let damage = written.damage();
        assert!(damage[0].starts_with(&named), "{damage:?}");
        assert!(damage.iter().any(|damage| damage.contains("XXH3-128")));
        // All other blocks are read.
        let mut told = 0;
        let checked = check(&written.segment, None, &AtomicU64::new(0), &mut |origins| {
            told += origins.len() as u64;
        });
        let checked = checked.expect("can be read");
        assert_eq!(checked.damage.len(), 1);
        assert_eq!(checked.lines, told);
        assert!(told > 0);
    });
}

fn changed_block(written: &Written, block: usize) {
    let mut bytes = fs::read(&written.segment.path).expect("a file");
    bytes[written.starts[block] as usize + 2] ^= 0x20;
    put(&written.segment.path, bytes);
}

#[test]
fn what_is_cut_or_added_is_noticed() {
    each_compression(12, |seed, how| {
        let mut random = Random(seed);
        let written = Written::new(seed, how, 4, 0);
        for path in [&written.segment.path, written.index()] {
            for _ in 0..40 {
                changed(&written, path, "a cut", |bytes| {
                    bytes.truncate(random.below(bytes.len() as u64) as usize);
                });
                changed(&written, path, "a cut at the beginning", |bytes| {
                    bytes.drain(..random.below(bytes.len() as u64) as usize);
                });
            }
            changed(&written, path, "zeros", |bytes| bytes.extend([0; 64]));
            changed(&written, path, "an extra line", |bytes| {
                bytes.extend(b"{}\n")
            });
            changed(&written, path, "itself again", |bytes| {
                bytes.extend_from_within(..)
            });
        }
        let extra = compress(b"{}\n".to_vec(), how).expect("compresses");
        let at = written.starts[2] as usize;
        changed(&written, &written.segment.path, "a line between", |bytes| {
            bytes.splice(at..at, extra);
        });
    });
}

#[test]
fn blocks_that_are_exchanged_are_noticed() {
    each_compression(30, |seed, how| {
        let written = Written::new(seed, how, 4, 0);
        let starts = [0, 1, 2, 3].map(|block| written.starts[block] as usize);
        changed(
            &written,
            &written.segment.path,
            "exchanged blocks",
            |bytes| {
                let [one, two, three, four] = starts;
                let (middle, other) = (bytes[two..three].to_vec(), bytes[three..four].to_vec());
                bytes.splice(two..four, [other, middle].concat());
                assert_eq!(one, 0);
            },
        );
    });
}

#[test]
fn segments_and_indexes_that_are_exchanged_are_noticed() {
    each_compression(30, |seed, how| {
        let one = Written::new(seed, how, 4, 0);
        let other = Written::new(seed + 100, how, 4, 0);
        let bytes = |path: &Path| fs::read(path).expect("a file");
        let index = bytes(one.index());
        let theirs = bytes(other.index());
        put(one.index(), &theirs);
        one.is_noticed("the index of another segment");
        // Even if it says that it is the right one.
        let pretended = [&header(seed)[..], &theirs[header(0).len()..]].concat();
        put(one.index(), pretended);
        one.is_noticed("the entries of another segment");
        put(one.index(), index);
        put(&one.segment.path, bytes(&other.segment.path));
        one.is_noticed("the file of another segment");
    });
}

#[test]
fn lines_of_the_same_length_in_another_segment_are_noticed() {
    let one = Written::new(1, Compression::None, 3, 0);
    let mut bytes = fs::read(&one.segment.path).expect("a file");
    let digits = bytes.iter_mut().filter(|byte| byte.is_ascii_digit());
    digits.for_each(|byte| *byte = b'7');
    put(&one.segment.path, bytes);
    one.is_noticed("other lines of the same length");
    assert!(read(&one.segment, &Selection::default()).is_err());
}

#[test]
fn files_that_are_missing_are_named() {
    let written = Written::new(2, Compression::Zstd(1), 3, 0);
    fs::remove_file(written.index()).expect("it was there");
    assert_eq!(written.damage(), ["the index is missing"]);
    fs::remove_file(&written.segment.path).expect("it was there");
    assert_eq!(written.damage(), ["the file is missing"]);
    assert!(written.dir.path().exists());
}

#[test]
fn an_entry_that_says_something_else_than_its_lines_is_noticed() {
    let mut written = Written::new(3, Compression::None, 1, 0);
    let origins = written.lines.iter().map(|(origin, _)| *origin);
    let origins = origins.collect::<Vec<_>>();
    let mut later = origins.clone();
    later.last_mut().expect("a line").timestamp_ms = Some(i64::MAX);
    let file = fs::File::open(written.index()).expect("an index");
    let mut index = IndexReader::new(file).expect("a header");
    let block = index.advance().expect("is whole").expect("an entry").block;
    // The head of the one, and the lines of the other.
    let parts = |origins: &[Origin]| {
        let entry = encode(&noted(origins), &block);
        let head = u32::from_le_bytes(*entry.first_chunk().expect("a length")) as usize;
        let (head, steps) = entry[16..].split_at(head);
        (head.to_vec(), steps.to_vec())
    };
    let (mut head, steps) = (parts(&later).0, parts(&origins).1);
    head[..8].copy_from_slice(&xxhash_rust::xxh3::xxh3_64(&steps).to_le_bytes());
    let entry = [header(3), seal(&head, &steps)].concat();
    put(written.index(), entry);
    written.sealed.lines = Some(origins.len() as u64);
    let damage = written.damage();
    assert!(
        damage.len() == 1 && damage[0].ends_with("contradicts itself"),
        "{damage:?}"
    );
}

#[test]
fn an_index_that_knows_more_than_a_sealed_segment_has_is_noticed() {
    each_compression(12, |seed, how| {
        let mut written = Written::new(seed, how, 4, 0);
        for blocks in 0..4 {
            let file = fs::read(&written.segment.path).expect("a file");
            let file = &file[..written.starts[3 - blocks] as usize];
            put(&written.segment.path, file);
            written.segment.bytes = file.len() as u64;
            let growing = check(&written.segment, None, &AtomicU64::new(0), &mut |_| ())
                .expect("can be read");
            assert!(growing.damage.is_empty(), "{:?}", growing.damage);
            written.sealed = Sealed {
                digest: growing.digest,
                lines: Some(growing.lines),
            };
            let damage = written.damage();
            assert!(
                damage.len() == 1 && damage[0].contains("goes on"),
                "{damage:?}"
            );
        }
    });
}
