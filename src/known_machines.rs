//! Which machine answered at which address, by its machine-id(5): the file `known_machines` beside `known_hosts`.
//!
//! A machine that was re-imaged remembers nothing, so it is this side that has to know that it is another one now. A line is an
//! address, a space and a machine-id; the last line about an address counts. The file is no proof of anything: it may be removed.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A larger file is not read into memory: a hundred thousand machines take about 6 MiB.
const LARGEST_FILE: u64 = 64 << 20;

/// See the module.
#[derive(Default)]
pub(crate) struct KnownMachines {
    /// Where it is written down; `None` to remember only as long as this lives.
    file: Option<PathBuf>,
    known: Mutex<HashMap<String, String>>,
}

impl KnownMachines {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub(crate) fn read(file: PathBuf) -> io::Result<Self> {
        let mut text = Vec::new();
        match fs::File::open(&file) {
            Ok(opened) => opened.take(LARGEST_FILE).read_to_end(&mut text).map(drop)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let known = Mutex::new(parse(&String::from_utf8_lossy(&text)));
        Ok(Self { file: Some(file), known })
    }

    /// The machine with this id answers at this address. Gives the id of the one that did so before, if it was another one, and whether
    /// it could be written down.
    pub(crate) fn meet(&self, address: &str, id: &str) -> (Option<String>, io::Result<()>) {
        // A host may say anything.
        if !is_id(id) {
            return (None, Ok(()));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.insert(address.to_owned(), id.to_owned()) {
            Some(before) if before == id => (None, Ok(())),
            before => (before, self.write(&format!("{address} {id}\n"))),
        }
    }

    fn write(&self, line: &str) -> io::Result<()> {
        self.file.as_deref().map_or(Ok(()), |file| append(file, line))
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn parse(text: &str) -> HashMap<String, String> {
    let words = text.lines().filter_map(|line| line.split_once(' '));
    words
        .filter(|(_, id)| is_id(id))
        .map(|(address, id)| (address.to_owned(), id.to_owned()))
        .collect()
}

/// In one write, so that lines of several processes stay whole.
fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut opened = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    opened.write_all(line.as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "fedcba9876543210fedcba9876543210";

    fn met(known: &KnownMachines, address: &str, id: &str) -> Option<String> {
        let (before, written) = known.meet(address, id);
        written.unwrap();
        before
    }

    #[test]
    fn another_machine_is_told_even_if_it_cannot_be_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownMachines {
            file: Some(folder.path().to_owned()),
            known: Mutex::new(HashMap::from([("10.0.0.1:22".to_owned(), A.to_owned())])),
        };
        let (before, written) = known.meet("10.0.0.1:22", B);
        assert_eq!(before, Some(A.to_owned()));
        assert!(written.is_err());
    }

    #[test]
    fn another_machine_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/known_machines");
        let at = "10.0.0.1:22";
        let first = KnownMachines::read(file.clone()).unwrap();
        assert_eq!(met(&first, at, A), None);
        assert_eq!(met(&first, at, A), None);
        assert_eq!(met(&first, "10.0.0.2:22", B), None);
        assert_eq!(met(&first, at, "../../etc/passwd"), None);
        let second = KnownMachines::read(file.clone()).unwrap();
        assert_eq!(met(&second, at, B), Some(A.to_owned()));
        assert_eq!(met(&second, at, B), None);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, format!("{at} {A}\n10.0.0.2:22 {B}\n{at} {B}\n"));
        assert_eq!(met(&KnownMachines::read(file).unwrap(), at, B), None);
    }

    #[test]
    fn lines_that_are_none_of_ours_are_ignored() {
        let known = parse(&format!("\n# {A}x\nhost\nhost {A} {A}\nhost:22 {A}\nhost:22 short\n"));
        assert_eq!(known, HashMap::from([("host:22".to_owned(), A.to_owned())]));
    }
}
