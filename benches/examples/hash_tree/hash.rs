//! The digest of a file, at once or piece by piece. Either way, only a small buffer of the file is in memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use blake3::{Hash, Hasher};

/// The size of a piece in bytes, the last piece of a file excepted. A file that is longer than one piece is *big*.
///
/// A power of two, so that every piece is a whole subtree of the hash. A piece takes a fraction of a millisecond: long
/// beside the cost of a task and of opening the file once more, short beside a wait that would be noticed.
pub(crate) const PIECE: u64 = 1 << 20;

/// The result of reading a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) digest: Hash,
    /// Bytes read.
    pub(crate) len: u64,
}

/// Opens a regular file and nothing else, without blocking.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // A regular file of the walk may have been replaced by a named pipe.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nix::fcntl::OFlag::O_NONBLOCK.bits());
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("no longer a regular file")) }
}

/// Reads a file to its end.
pub(crate) fn whole(path: &Path) -> io::Result<Hashed> {
    let mut hasher = Hasher::new();
    hasher.update_reader(open(path)?)?;
    Ok(Hashed { digest: hasher.finalize(), len: hasher.count() })
}

/// How many pieces a file of `len` bytes has.
pub(crate) fn pieces(len: u64) -> usize {
    usize::try_from(len.div_ceil(PIECE)).expect("no file has that many pieces")
}

/// Reads one piece of a big file of `len` bytes.
pub(crate) fn piece(path: &Path, len: u64, number: usize) -> io::Result<ChainingValue> {
    let offset = number as u64 * PIECE;
    let wanted = PIECE.min(len - offset);
    let mut file = open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset).update_reader(file.take(wanted))?;
    if hasher.count() < wanted {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "became shorter while it was read"));
    }
    Ok(hasher.finalize_non_root())
}

/// The digest of a big file from the values of all its pieces.
pub(crate) fn merge(pieces: &[ChainingValue]) -> Hash {
    let (left, right) = halves(pieces);
    merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash)
}

fn subtree(pieces: &[ChainingValue]) -> ChainingValue {
    match pieces {
        [value] => *value,
        _ => {
            let (left, right) = halves(pieces);
            merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
        }
    }
}

/// BLAKE3's shape: the left subtree is the largest power of two that leaves something for the right one.
fn halves(pieces: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    pieces.split_at(pieces.len().next_power_of_two() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_pieces_make_the_digest_of_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big");
        for (len, count) in [(PIECE + 1, 2), (2 * PIECE, 2), (3 * PIECE, 3), (6 * PIECE + 4_321, 7), (9 * PIECE, 9)] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8 ^ (i >> 16) as u8).collect();
            fs::write(&path, &bytes).unwrap();
            assert_eq!(pieces(len), count);
            let values: Vec<_> = (0..count).map(|number| piece(&path, len, number).unwrap()).collect();
            assert_eq!(merge(&values), blake3::hash(&bytes), "{len} bytes");
            assert_eq!(whole(&path).unwrap(), Hashed { digest: blake3::hash(&bytes), len });
        }
    }

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big");
        for left in [0, 7, PIECE, PIECE + 7] {
            fs::write(&path, vec![1; left as usize]).unwrap();
            let error = piece(&path, 2 * PIECE, 1).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{left} bytes left");
        }
    }
}
