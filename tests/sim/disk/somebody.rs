//! What somebody else does to the files, from outside of all processes: it is on the disk at once.

use std::path::{Path, PathBuf};

use super::SimFs;
use super::node::{Content, Directory};
use super::state::{Kind, ROOT, names};

impl SimFs {
    /// Puts a file there that has been there for long, with the directories above it.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let mut at = ROOT;
        let mut names = names(path);
        let name = names.pop().unwrap_or_default();
        for name in names {
            at = match state.dir(at).get(&name) {
                Some(inode) => inode,
                None => state.add_settled(at, &name, Kind::Dir(Directory::default())),
            };
        }
        state.add_settled(at, &name, Kind::File(Content::settled(bytes)));
    }

    /// The paths of all files in a directory and those below it.
    pub fn files_below(&self, directory: &Path) -> Vec<PathBuf> {
        let state = self.state();
        let (mut found, mut queue) = (Vec::new(), vec![directory.to_path_buf()]);
        while let Some(path) = queue.pop() {
            let Ok(inode) = state.find(&path) else {
                continue;
            };
            match &state.nodes[&inode].kind {
                Kind::File(_) => found.push(path),
                Kind::Dir(names) => queue.extend(names.live().map(|(name, _)| path.join(name))),
            }
        }
        found
    }

    /// Puts another file where one is, which is moved away.
    pub fn replace(&self, path: &Path, away: &Path, bytes: &[u8]) {
        let before = self.peek(path).unwrap_or_default();
        self.relocate(path, away);
        self.put(path, bytes);
        let mut state = self.state();
        if let Ok(inode) = state.find(path) {
            state.replaced.insert(inode, before);
        }
    }

    /// Changes what is in a file.
    pub fn alter(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        if let Ok(inode) = state.find(path)
            && let Ok(content) = state.content(inode)
        {
            let mut bytes = content.live().to_vec();
            change(&mut bytes);
            *content = Content::settled(&bytes);
        }
    }

    /// Gives a file or a directory another name, in place of what has it.
    pub fn relocate(&self, from: &Path, to: &Path) {
        let mut state = self.state();
        let Ok(inode) = state.find(from) else { return };
        for (path, inode) in [(to, Some(inode)), (from, None)] {
            if let Ok((dir, name)) = state.place(path) {
                state.dir(dir).set(&name, inode);
                state.dir(dir).sync();
            }
        }
    }
}
