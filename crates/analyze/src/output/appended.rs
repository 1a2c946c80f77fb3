//! A file that grows: rows are added to its end, and what was added stays known by a mark.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archiver_format::mark::{Mark, TAIL, Tail};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::{Stream, StreamExt};

use super::lines::{Lines, Shape};

/// A file that rows are added to.
#[derive(Debug, Clone)]
pub struct Appended {
    path: PathBuf,
    shape: Shape,
}

impl Appended {
    /// The file at this path, with rows of this shape.
    pub fn new(path: PathBuf, shape: Shape) -> Self {
        Self { path, shape }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, with the directories that lead to it. It may not be there with something in it.
    ///
    /// # Errors
    ///
    /// If it is, or can't be made.
    pub fn begin(&self) -> anyhow::Result<Mark> {
        let path = self.path.display();
        let making = || format!("making {path}");
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory).with_context(making)?;
        }
        let mut how = OpenOptions::new();
        let file = how.create(true).append(true).open(&self.path);
        let file = file.with_context(making)?;
        let found = file.metadata().with_context(making)?;
        if !found.is_file() {
            bail!("{path} is no file that can grow; leave the output out for standard output");
        }
        if found.len() > 0 {
            bail!("{path} is there already, and isn't of this analysis; move it away");
        }
        file.sync_all().with_context(making)?;
        self.sync_directory().with_context(making)?;
        Ok(Tail::default().mark(0))
    }

    /// Cuts off what is behind the mark: rows that were added last by somebody who was stopped before that counted.
    ///
    /// # Errors
    ///
    /// If what is before the mark isn't what was written.
    pub fn recover(&self, mark: &Mark) -> anyhow::Result<()> {
        let (file, length) = self.open(mark)?;
        if length > mark.length {
            let cut = file.set_len(mark.length).and_then(|()| file.sync_all());
            cut.with_context(|| format!("cutting {}", self.path.display()))?;
        }
        Ok(())
    }

    /// Adds rows, and returns where they end, once they are on the disk.
    ///
    /// # Errors
    ///
    /// If the rows can't be had, or can't be written, or somebody else has written to it.
    pub async fn append(
        &self,
        mark: &Mark,
        schema: &SchemaRef,
        mut rows: impl Stream<Item = datafusion::error::Result<RecordBatch>> + Unpin,
    ) -> anyhow::Result<(Mark, u64)> {
        let path = self.path.display();
        let (mut file, length) = self.open(mark)?;
        if length > mark.length {
            bail!(
                "somebody else has written to {path}: it has {length} bytes, and had {}; move it away, and name another one",
                mark.length
            );
        }
        let writing = || format!("writing {path}");
        let mut tail = read_tail(&mut file, mark).with_context(writing)?;
        let mut lines = Lines::new(self.shape);
        let (mut length, mut count) = (mark.length, 0);
        let mut add = |bytes: &[u8]| {
            length += bytes.len() as u64;
            tail.push(bytes);
            file.write_all(bytes).with_context(writing)
        };
        if mark.length == 0 {
            add(&lines.header(schema))?;
        }
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            count += batch.num_rows() as u64;
            add(lines.of(&batch)?)?;
        }
        let mark = tail.mark(length);
        file.sync_data().with_context(writing)?;
        Ok((mark, count))
    }

    /// Opens it, if what is before the mark is what was written; and its length.
    fn open(&self, mark: &Mark) -> anyhow::Result<(File, u64)> {
        let path = self.path.display();
        let opening = || format!("opening {path}");
        let mut how = OpenOptions::new();
        let mut file = how.read(true).append(true).open(&self.path);
        if let Err(error) = &file
            && error.kind() == std::io::ErrorKind::NotFound
            && mark.length == 0
        {
            self.begin()?;
            file = how.open(&self.path);
        }
        let mut file = file.with_context(|| {
            format!(
                "opening {path}, which had {} bytes of this analysis: put it back",
                mark.length
            )
        })?;
        let length = file.metadata().with_context(opening)?.len();
        let is_known = length >= mark.length
            && read_tail(&mut file, mark)
                .with_context(opening)?
                .mark(mark.length)
                == *mark;
        if !is_known {
            bail!(
                "{path} isn't what was written: its first {} bytes are others; put it back, or name another one",
                mark.length
            );
        }
        Ok((file, length))
    }

    fn sync_directory(&self) -> std::io::Result<()> {
        let directory = self.path.parent().filter(|path| *path != Path::new(""));
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// The last bytes before a mark.
fn read_tail(file: &mut File, mark: &Mark) -> std::io::Result<Tail> {
    let length = mark.tail_length();
    debug_assert!(length <= TAIL);
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(mark.length - length as u64))?;
    file.read_exact(&mut bytes)?;
    Ok(Tail::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn added(file: &Appended, mark: &Mark, numbers: &[i64]) -> anyhow::Result<(Mark, u64)> {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let column = Arc::new(Int64Array::from(numbers.to_vec()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap();
        let rows = futures::stream::iter([Ok(batch)]);
        futures::executor::block_on(file.append(mark, &schema, rows))
    }

    #[test]
    fn what_does_not_count_is_cut_off_and_what_is_not_its_own_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/rows.csv");
        let file = Appended::new(path.clone(), Shape::Csv);
        let text = || fs::read_to_string(&path).unwrap();
        let begun = file.begin().unwrap();
        let (first, count) = added(&file, &begun, &[1, 2]).unwrap();
        assert_eq!((text(), count), ("n\n1\n2\n".to_owned(), 2));
        added(&file, &first, &[3]).unwrap();
        let refused = added(&file, &first, &[3]).unwrap_err().to_string();
        assert!(refused.contains("somebody else has written"), "{refused}");
        file.recover(&first).unwrap();
        assert_eq!(text(), "n\n1\n2\n");
        let (second, _) = added(&file, &first, &[3]).unwrap();
        assert_eq!(text(), "n\n1\n2\n3\n");
        assert!(file.begin().is_err());
        fs::write(&path, "n\n1\n2\n4\n").unwrap();
        let refused = file.recover(&second).unwrap_err().to_string();
        assert!(refused.contains("isn't what was written"), "{refused}");
        fs::remove_file(&path).unwrap();
        assert!(file.recover(&second).is_err());
        file.recover(&begun).unwrap();
    }
}
