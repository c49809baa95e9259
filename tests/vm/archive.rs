//! The machine's first file system: a cpio archive in the format "newc", as the kernel unpacks it (its
//! Documentation/driver-api/early-userspace/buffer-format.rst).

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;
/// Every entry, padded to a multiple of this many bytes, follows the last.
const ALIGNMENT: usize = 4;

/// An archive that is being written. What is in it belongs to root.
pub struct Archive {
    file: BufWriter<File>,
    there: BTreeSet<PathBuf>,
}

impl Archive {
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), there: BTreeSet::new() })
    }

    /// A file at an absolute path, executable; its directories too. What is there already stays.
    pub fn file(&mut self, at: &Path, content: &[u8]) -> io::Result<()> {
        self.entry(at, PROGRAM, content)
    }

    pub fn link(&mut self, at: &Path, to: &str) -> io::Result<()> {
        self.entry(at, LINK, to.as_bytes())
    }

    /// An empty directory, those above it too.
    pub fn directory(&mut self, at: &Path) -> io::Result<()> {
        if at.parent().is_some() { self.entry(at, DIRECTORY, &[]) } else { Ok(()) }
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.write("TRAILER!!!", 0, &[])?;
        self.file.flush()
    }

    fn entry(&mut self, at: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
        if !self.there.insert(at.to_owned()) {
            return Ok(());
        }
        if let Some(parent) = at.parent() {
            self.directory(parent)?;
        }
        let name = at.strip_prefix("/").map_err(io::Error::other)?;
        self.write(name.to_str().ok_or(io::ErrorKind::InvalidFilename)?, mode, content)
    }

    /// The header: the magic number and 13 fields of eight hexadecimal digits each.
    fn write(&mut self, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let number = |n: usize| u32::try_from(n).map_err(io::Error::other);
        let inode = number(self.there.len())?;
        let (size, name_size) = (number(content.len())?, number(name.len() + 1)?);
        // Inode, mode, owner, group, links, time, size, device and special device (two each), length of the name, check sum.
        let fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        let mut header = String::from("070701");
        header.extend(fields.map(|field| format!("{field:08x}")));
        self.padded(&[header.as_bytes(), name.as_bytes(), &[0]].concat())?;
        self.padded(content)
    }

    fn padded(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.write_all(&[0; ALIGNMENT][..bytes.len().next_multiple_of(ALIGNMENT) - bytes.len()])
    }
}
