//! Which files are the same file, whatever they are called, or could be. Only looks, creates nothing.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use archiver_format::segment::growing;
use archiver_format::state_files::STATE_DIRECTORY;
use archiver_format::template::{Paths, Template};

/// As many as the kernel follows.
const SYMLINKS_MAX: usize = 40;
/// The limits of ext4, XFS, btrfs, tmpfs; and of the kernel, less the byte at the end.
const NAME_BYTES_MAX: usize = 255;
const PATH_BYTES_MAX: usize = 4095;
/// No name in a state directory is longer, also while it ends in `.new`.
const STATE_NAME_BYTES_MAX: usize = 80;

/// Why records can't go to a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is a directory, or written like one.
    Directory,
    /// A device, a pipe, a socket.
    NotRegular,
    /// A file stands where a directory would have to be.
    FileOnTheWay,
    /// Symlinks that lead in a circle.
    Circle,
    /// No file system has such a name.
    NameTooLong,
    /// The kernel takes no such path.
    PathTooLong,
}

impl Fault {
    /// What is wrong with the place, in words for people.
    pub fn words(&self) -> &'static str {
        match self {
            Fault::Directory => "this is a directory, not a file",
            Fault::NotRegular => "this is not a regular file, and could not be cut back",
            Fault::FileOnTheWay => "a file stands where a directory would have to be",
            Fault::Circle => "the symlinks lead in a circle",
            Fault::NameTooLong => "a name in this path is longer than 255 bytes",
            Fault::PathTooLong => "this path is longer than 4095 bytes",
        }
    }

    /// The same of a path where a state directory would have to be.
    pub fn words_of_state(&self) -> &'static str {
        match self {
            Fault::NameTooLong => "a name in its path is longer than 255 bytes",
            Fault::PathTooLong => "its path is longer than 4095 bytes with what is kept in it",
            _ => "something else stands in its place",
        }
    }
}

/// How two paths are one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// Both lead to one path.
    Path,
    /// Two names of one inode.
    HardLink,
}

/// The files of the archives, each known by the archive's index.
#[derive(Default)]
pub(super) struct Files {
    paths: HashMap<PathBuf, usize>,
    inodes: HashMap<(u64, u64), usize>,
    states: HashMap<PathBuf, usize>,
}

impl Files {
    /// Adds the file of an archive. The earlier archive that has it already, if any.
    pub fn add(&mut self, file: &Path, archive: usize) -> Result<Option<(usize, Same)>, Fault> {
        let written_like_directory = file.as_os_str().as_encoded_bytes().ends_with(b"/");
        if written_like_directory || file.file_name().is_none() {
            return Err(Fault::Directory);
        }
        check_length(file, 0)?;
        let path = resolve(file)?;
        let inode = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Err(Fault::Directory),
            Ok(metadata) if !metadata.is_file() => return Err(Fault::NotRegular),
            Ok(metadata) => Some((metadata.dev(), metadata.ino())),
            // Not there yet, or out of sight: the archive itself will say so.
            Err(_) => None,
        };
        if let Some(earlier) = self.paths.get(&path) {
            return Ok(Some((*earlier, Same::Path)));
        }
        if let Some(earlier) = inode.and_then(|inode| self.inodes.get(&inode)) {
            return Ok(Some((*earlier, Same::HardLink)));
        }
        self.paths.insert(path, archive);
        if let Some(inode) = inode {
            self.inodes.insert(inode, archive);
        }
        Ok(None)
    }

    /// Adds the state directory of an archive.
    pub fn add_state(&mut self, state: &Path, archive: usize) -> Result<(), Fault> {
        check_length(state, 1 + STATE_NAME_BYTES_MAX)?;
        let path = resolve(state)?;
        if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(Fault::FileOnTheWay);
        }
        self.states.insert(path, archive);
        Ok(())
    }

    /// Archives whose file lies within a state directory or where one has to be, with the archive
    /// that the state directory belongs to, or will belong to one day: then it is the archive itself.
    pub fn in_the_way(&self) -> Vec<(usize, usize)> {
        let within = self.paths.iter().filter_map(|(file, archive)| {
            let known = file
                .ancestors()
                .find_map(|directory| self.states.get(directory));
            let is_within = |directory: &Path| directory.ends_with(STATE_DIRECTORY);
            let owner = match known {
                Some(owner) => owner,
                None => file.ancestors().skip(1).any(is_within).then_some(archive)?,
            };
            Some((*archive, *owner))
        });
        let above = self.states.iter().filter_map(|(state, owner)| {
            let parents = state.ancestors().skip(1);
            let archive = parents
                .into_iter()
                .find_map(|parent| self.paths.get(parent))?;
            Some((*archive, *owner))
        });
        let mut found: Vec<(usize, usize)> = within.chain(above).collect();
        // One owner is enough to say for each file.
        found.sort_unstable();
        found.dedup_by_key(|(archive, _)| *archive);
        found
    }
}

/// Can the kernel and the file system take such a path, with so many bytes behind it?
fn check_length(path: &Path, more: usize) -> Result<(), Fault> {
    let mut names = path.components().map(Component::as_os_str);
    if names.any(|name| name.len() > NAME_BYTES_MAX) {
        return Err(Fault::NameTooLong);
    }
    if path.as_os_str().len() + more > PATH_BYTES_MAX {
        return Err(Fault::PathTooLong);
    }
    Ok(())
}

/// The absolute path without symlinks, `.` and `..` that opening `path` would lead to; what doesn't
/// exist yet is taken as typed. (`canonicalize` needs everything to exist.)
fn resolve(path: &Path) -> Result<PathBuf, Fault> {
    // Without a working directory every relative path is relative to the same nothing.
    let mut resolved = if path.is_relative() {
        std::env::current_dir()
            .and_then(fs::canonicalize)
            .unwrap_or_default()
    } else {
        PathBuf::from("/")
    };
    let mut left: VecDeque<OsString> = parts(path).collect();
    let mut symlinks = 0;
    while let Some(part) = left.pop_front() {
        if part == ".." {
            resolved.pop();
            continue;
        }
        resolved.push(&part);
        let Ok(metadata) = fs::symlink_metadata(&resolved) else {
            continue;
        };
        if metadata.is_symlink() {
            symlinks += 1;
            if symlinks > SYMLINKS_MAX {
                return Err(Fault::Circle);
            }
            let Ok(target) = fs::read_link(&resolved) else {
                continue;
            };
            resolved.pop();
            if target.is_absolute() {
                resolved = PathBuf::from("/");
            }
            for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                left.push_front(part);
            }
        } else if !metadata.is_dir() && !left.is_empty() {
            return Err(Fault::FileOnTheWay);
        }
    }
    Ok(resolved)
}

/// The paths that a template may give, wherever they lead.
pub(super) fn paths_of(template: &Template) -> Result<Paths, Fault> {
    Ok(template.paths(&resolve(&template.fixed_directory())?))
}

/// Archives that could give one path to two files, by their indexes: each with the first one before it, if any.
pub(super) fn meetings(paths: &mut [(usize, Paths)]) -> Vec<(usize, usize)> {
    paths.sort_by(|(_, one), (_, other)| one.fixed().cmp(other.fixed()));
    let mut found = Vec::new();
    for (at, (archive, one)) in paths.iter().enumerate() {
        // Only those can meet whose beginning begins with this one's, and they come next.
        let begins = |(_, other): &&(usize, Paths)| other.fixed().starts_with(one.fixed());
        for (other, paths) in paths[at + 1..].iter().take_while(begins) {
            if one.may_meet(paths) {
                found.push((*archive.max(other), *archive.min(other)));
            }
        }
    }
    found.sort_unstable();
    found.dedup_by_key(|(later, _)| *later);
    found
}

/// A path of this template that is as long as any: that of a growing segment.
pub(super) fn longest(template: &Template) -> PathBuf {
    let path = PathBuf::from(template.example());
    match template.is_fixed() {
        true => path,
        false => growing(&path),
    }
}

/// The names in a path, without what says nothing.
fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Adds two files below a directory, and says how they are the same.
    fn same(root: &Path, first: &str, second: &str) -> Option<Same> {
        let mut files = Files::default();
        assert_eq!(files.add(&root.join(first), 0), Ok(None));
        files
            .add(&root.join(second), 1)
            .unwrap()
            .map(|(_, same)| same)
    }

    #[test]
    fn two_names_of_one_file_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/file"), "").unwrap();
        fs::hard_link(root.join("real/file"), root.join("hard")).unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("real/file", root.join("to-file")).unwrap();
        symlink("real/new", root.join("dangling")).unwrap();
        symlink(root.join("not/yet"), root.join("to-missing")).unwrap();
        for (first, second, how) in [
            ("a", "a", Some(Same::Path)),
            ("a", "./a", Some(Same::Path)),
            ("a", "b", None),
            ("real/file", "other/../real/file", Some(Same::Path)),
            ("real/file", "link/file", Some(Same::Path)),
            ("real/file", "link/../real/file", Some(Same::Path)),
            ("real/file", "to-file", Some(Same::Path)),
            ("real/new", "dangling", Some(Same::Path)),
            ("real/new", "link/new", Some(Same::Path)),
            ("real/sub/new", "link/sub/new", Some(Same::Path)),
            ("not/yet/x", "to-missing/x", Some(Same::Path)),
            ("not/yet/x", "to-missing/y", None),
            ("real/file", "hard", Some(Same::HardLink)),
            ("to-file", "hard", Some(Same::HardLink)),
        ] {
            assert_eq!(same(root, first, second), how, "{first} {second}");
        }
    }

    #[test]
    fn relative_and_absolute_paths_meet() {
        let mut files = Files::default();
        let absolute = std::env::current_dir().unwrap().join("not/there");
        assert_eq!(files.add(Path::new("not/there"), 0), Ok(None));
        assert_eq!(files.add(&absolute, 1), Ok(Some((0, Same::Path))));
    }

    #[test]
    fn what_can_be_no_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::write(root.join("file"), "").unwrap();
        symlink("circle", root.join("circle")).unwrap();
        let add = |path: &Path| Files::default().add(path, 0);
        assert_eq!(add(root), Err(Fault::Directory));
        assert_eq!(add(&root.join("new/")), Err(Fault::Directory));
        assert_eq!(add(&root.join("new/..")), Err(Fault::Directory));
        assert_eq!(add(&root.join("file/x")), Err(Fault::FileOnTheWay));
        assert_eq!(add(&root.join("circle")), Err(Fault::Circle));
        assert_eq!(add(Path::new("/dev/null")), Err(Fault::NotRegular));
    }

    #[test]
    fn a_file_and_a_state_directory_do_not_share_a_place() {
        let root = Path::new("/not/there");
        let in_the_way = |file: &str| {
            let mut files = Files::default();
            files.add(&root.join(file), 0).unwrap();
            files.add_state(&root.join(".archiver/metrics"), 1).unwrap();
            files.in_the_way()
        };
        assert_eq!(in_the_way("metrics"), []);
        assert_eq!(in_the_way("archiver/metrics"), []);
        assert_eq!(in_the_way(".archiver/metrics2"), [(0, 0)]);
        assert_eq!(in_the_way(".archiver/metrics"), [(0, 1)]);
        assert_eq!(in_the_way(".archiver/metrics/checkpoint.json"), [(0, 1)]);
        assert_eq!(in_the_way("x/../.archiver/metrics/x"), [(0, 1)]);
        assert_eq!(in_the_way(".archiver"), [(0, 1)]);
    }

    #[test]
    fn archives_whose_files_could_have_one_name_are_found_quickly() {
        let of = |texts: &[String]| {
            let templates = texts.iter().map(|text| Template::parse(text).unwrap());
            let paths = templates.map(|template| paths_of(&template).unwrap());
            meetings(&mut paths.enumerate().collect::<Vec<_>>())
        };
        let texts = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let found = of(&texts(&[
            "d/x1{seq}",
            "e/{seq}",
            "d/../d/x{seq}",
            "./d/x11{seq}",
        ]));
        assert_eq!(found, [(2, 0), (3, 0)]);
        let began = std::time::Instant::now();
        let many = |text: &str| {
            let texts = (0..1000).map(|n| text.replace('N', &format!("topic-{n}")));
            texts.collect::<Vec<_>>()
        };
        for text in ["d/N-{seq}.gz", "d/N/{seq}", "d/{partition}/N-{seq}", "d/N"] {
            assert_eq!(of(&many(text)), [], "{text}");
        }
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}
