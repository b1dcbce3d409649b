//! Finds the files to hash.

use std::fmt;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::progress::Progress;

/// What lies under a path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// The regular files, depth first, each directory sorted by name.
    pub(crate) files: Vec<PathBuf>,
    /// Entries that are not files, or cannot be examined.
    pub(crate) problems: Vec<Problem>,
}

/// An entry that could not be hashed, and why.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

impl fmt::Display for Problem {
    /// The path is quoted, and characters that a terminal might obey are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.path, self.reason)
    }
}

/// Finds all files under `root`, which may itself be a file. Links are followed.
///
/// Fails only if there is nothing that could be hashed: `root` does not exist or is neither a directory nor a file.
pub(crate) fn walk(root: &Path, progress: &Progress) -> Result<Tree, String> {
    let metadata = fs::metadata(root).map_err(|error| format!("{root:?}: {}", explain(root, &error)))?;
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(format!("{root:?}: {}", special(metadata.file_type())));
    }
    progress.stage("walk", None);
    let mut tree = Tree::default();
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
        progress.step();
        match entry {
            Ok(entry) if entry.file_type().is_file() => tree.files.push(entry.into_path()),
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => tree.problems.push(not_a_file(entry)),
            Err(error) => tree.problems.push(unseen(root, &error)),
        }
    }
    Ok(tree)
}

fn not_a_file(entry: DirEntry) -> Problem {
    let reason = special(entry.file_type());
    Problem { path: entry.into_path(), reason }
}

fn unseen(root: &Path, error: &walkdir::Error) -> Problem {
    let path = error.path().unwrap_or(root).to_owned();
    let reason = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!("a link back to {ancestor:?}, which contains it"),
        (None, Some(error)) => explain(&path, error),
        (None, None) => error.to_string(),
    };
    Problem { path, reason }
}

/// Why `path` cannot be examined.
fn explain(path: &Path, error: &std::io::Error) -> String {
    match fs::read_link(path) {
        Ok(target) if error.kind() == std::io::ErrorKind::NotFound => format!("a dangling link to {target:?}"),
        _ => error.to_string(),
    }
}

/// Describes an entry that is not a regular file. Opening one may block for ever.
fn special(kind: FileType) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a named pipe, not a file".to_owned();
        }
        if kind.is_socket() {
            return "a socket, not a file".to_owned();
        }
        if kind.is_block_device() || kind.is_char_device() {
            return "a device, not a file".to_owned();
        }
    }
    format!("neither a file nor a directory: {kind:?}")
}
