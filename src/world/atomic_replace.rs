//! A file of archiver's own, replaced durably: create a new one beside it → fsync → rename → fsync its directory. At any
//! time the old one or the new one is there, whole.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::fs::{File, Fs, parent, remove_if_there};

impl Disk {
    /// Gives a file of archiver's own what `write` writes.
    pub async fn replace(
        &self,
        path: &Path,
        write: impl FnOnce(&dyn File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let (path, mut temp) = (path.to_path_buf(), path.as_os_str().to_owned());
        temp.push(".new");
        let temp = PathBuf::from(temp);
        let at = temp.clone();
        let create = move |fs: &dyn Fs| {
            let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", at.display()));
            remove_if_there(fs, &at).map_err(named)?;
            let file = fs.create_new(&at).map_err(named)?;
            if let Err(e) = write(&*file) {
                // Half of it is of no use while the disk is full.
                let _ = fs.remove(&at);
                return Err(named(e));
            }
            Ok(file)
        };
        let file = self.run(create).await?;
        self.sync([file]).await?;
        let rename = move |fs: &dyn Fs| {
            let renamed = fs.rename(&temp, &path);
            let dir = renamed.and_then(|()| fs.open_dir(parent(&path)));
            dir.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
        };
        let dir = self.run(rename).await?;
        self.sync([dir]).await
    }
}
