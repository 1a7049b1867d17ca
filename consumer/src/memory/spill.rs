//! Records that did not fit in memory: sorted runs of them, as record streams in a temporary file.
//!
//! A run is a stream like any other, with checksums and a proven end: what is torn or changed on the disk is an error,
//! never a wrong answer. The file has no name from the moment it is made, so nothing is left of it, however the program
//! ends.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use recpipe::{
    Batch, Error,
    wire::{Ending, Incoming, Reader, Writer},
};

/// A temporary file that runs are appended to. It lives as long as it or one of its runs.
#[derive(Debug)]
pub struct Spill {
    file: Arc<Temporary>,
    end: u64,
}

#[derive(Debug)]
struct Temporary {
    file: File,
    directory: String,
}

/// A run in a [`Spill`].
#[derive(Clone, Debug)]
pub struct Run {
    file: Arc<Temporary>,
    from: u64,
    to: u64,
}

/// Writes one run.
#[derive(Debug)]
pub struct RunWriter<'s> {
    spill: &'s mut Spill,
    writer: Writer<Appended>,
}

/// A sorted run as it is merged: batch after batch, wherever they are.
pub trait ReadRun: std::fmt::Debug + Send {
    /// The next records, at least one; `None` after the last.
    ///
    /// # Errors
    /// When they cannot be read, or are not what was written.
    fn read(&mut self) -> Result<Option<Batch>, Error>;
}

/// Reads one run.
#[derive(Debug)]
pub struct RunReader {
    file: Arc<Temporary>,
    reader: Reader<Section>,
}

impl Spill {
    pub(super) fn create(directory: &Path) -> Result<Self, Error> {
        let name = directory.display().to_string();
        let file = tempfile::tempfile_in(directory).map_err(|error| failed("make a temporary file", &name, error))?;
        Ok(Spill { file: Arc::new(Temporary { file, directory: name }), end: 0 })
    }

    /// Begins a run; one that is not finished is forgotten.
    ///
    /// # Errors
    /// [`Error::Io`] naming the directory.
    pub fn write(&mut self) -> Result<RunWriter<'_>, Error> {
        let file = self.file.clone();
        (&file.file).seek(SeekFrom::Start(self.end)).map_err(|error| failed("write temporary data", &file.directory, error))?;
        let writer = Writer::new(Appended(file.clone())).map_err(|error| file.written(error))?;
        Ok(RunWriter { spill: self, writer })
    }
}

impl RunWriter<'_> {
    /// Appends records.
    ///
    /// # Errors
    /// [`Error::Io`] naming the directory; [`Error::TooLarge`] for a record that no frame holds.
    pub fn batch(&mut self, batch: &Batch) -> Result<(), Error> {
        self.writer.batch(batch).map_err(|error| self.spill.file.written(error))
    }

    /// Ends the run.
    ///
    /// # Errors
    /// [`Error::Io`] naming the directory.
    pub fn finish(self) -> Result<Run, Error> {
        let RunWriter { spill, writer } = self;
        let written = |error| spill.file.written(error);
        let file = writer.finish(&Ending::default()).map_err(written)?.0;
        let to = (&file.file).stream_position().map_err(|error| failed("write temporary data", &file.directory, error))?;
        let run = Run { file, from: spill.end, to };
        spill.end = to;
        Ok(run)
    }
}

impl Run {
    /// Reads it from its start.
    ///
    /// # Errors
    /// [`Error::Io`] naming the directory.
    pub fn read(&self) -> Result<RunReader, Error> {
        let section = Section { file: self.file.clone(), at: self.from, end: self.to };
        let reader = Reader::new(section).map_err(|error| self.file.read(error))?;
        Ok(RunReader { file: self.file.clone(), reader })
    }
}

impl ReadRun for RunReader {
    /// The error is [`Error::Io`] naming the directory, also when the data is not what was written.
    fn read(&mut self) -> Result<Option<Batch>, Error> {
        loop {
            let incoming = self.reader.read().map_err(|error| self.file.read(error))?;
            match incoming {
                Some(Incoming::Batch(raw)) => return raw.decode().map(Some).map_err(|error| self.file.read(error)),
                Some(Incoming::End(_)) | None => return Ok(None),
                Some(Incoming::Schema(_) | Incoming::Warning(_)) => {}
            }
        }
    }
}

impl Temporary {
    fn written(&self, error: Error) -> Error {
        match error {
            Error::Io { source, .. } => failed("write temporary data", &self.directory, source),
            error => error,
        }
    }

    fn read(&self, error: Error) -> Error {
        let source = match error {
            Error::Io { source, .. } => source,
            // Not the stream that came, so no incomplete answer: this one is none.
            error => io::Error::new(io::ErrorKind::InvalidData, format!("it is not what was written ({error})")),
        };
        failed("read temporary data", &self.directory, source)
    }
}

fn failed(what: &str, directory: &str, source: io::Error) -> Error {
    let cure = match source.kind() {
        io::ErrorKind::InvalidData => "",
        _ => "; `--temp-dir DIR` names another directory, `--memory SIZE` lets more stay in memory",
    };
    Error::io(format!("cannot {what} in {directory}{cure}"), source)
}

/// The end of the file, to write to.
#[derive(Debug)]
struct Appended(Arc<Temporary>);

impl Write for Appended {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0.file).write(bytes)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        (&self.0.file).write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A part of the file, to read from; several may be read at the same time.
#[derive(Debug)]
struct Section {
    file: Arc<Temporary>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(into.len());
        let got = self.file.file.read_at(&mut into[..left], self.at)?;
        self.at += got as u64;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::FileExt, path::Path, sync::Arc};

    use recpipe::{Batch, BatchBuilder, Exit, Field, Schema, Type, Value};

    use super::{ReadRun, Run, Spill};

    fn numbers(from: i64) -> Batch {
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap()));
        (from..from + 100).for_each(|n| builder.push(&[Value::Int((n * n).into())]).unwrap());
        builder.finish().unwrap()
    }

    fn run(spill: &mut Spill, from: i64) -> Run {
        let mut writer = spill.write().unwrap();
        writer.batch(&numbers(from)).unwrap();
        writer.batch(&numbers(from + 100)).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn runs_share_a_file_and_are_read_side_by_side() {
        let directory = tempfile::tempdir().unwrap();
        let mut spill = Spill::create(directory.path()).unwrap();
        let first = run(&mut spill, 0);
        // Given up half-way: the next takes its place.
        spill.write().unwrap().batch(&numbers(7)).unwrap();
        let second = run(&mut spill, 500);
        drop(spill);
        let (mut a, mut b) = (first.read().unwrap(), second.read().unwrap());
        for i in [0, 100] {
            assert_eq!(a.read().unwrap().unwrap(), numbers(i));
            assert_eq!(b.read().unwrap().unwrap(), numbers(500 + i));
        }
        assert!(a.read().unwrap().is_none() && b.read().unwrap().is_none());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the file has no name");
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_found() {
        let mut spill = Spill::create(&std::env::temp_dir()).unwrap();
        let run = run(&mut spill, 0);
        let read = |run: &Run| -> Result<usize, recpipe::Error> {
            let mut reader = run.read()?;
            let mut rows = 0;
            while let Some(batch) = reader.read()? {
                rows += batch.len();
            }
            Ok(rows)
        };
        assert_eq!(read(&run).unwrap(), 200);
        let file = &run.file.file;
        for at in run.from..run.to {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
            let error = read(&run).unwrap_err();
            assert_eq!(error.exit(), Exit::Failed, "an incomplete answer is another thing: {error}");
            assert!(error.to_string().contains("cannot read temporary data in "), "{error}");
            file.write_all_at(&byte, at).unwrap();
        }
        for to in run.from..run.to {
            assert!(read(&Run { to, ..run.clone() }).is_err(), "cut at {to}");
        }
        assert_eq!(read(&run).unwrap(), 200);
    }

    #[test]
    fn a_directory_that_is_none_is_named() {
        let error = Spill::create(Path::new("not/there")).unwrap_err().to_string();
        assert!(error.starts_with("cannot make a temporary file in not/there; `--temp-dir DIR` names another"), "{error}");
    }
}
