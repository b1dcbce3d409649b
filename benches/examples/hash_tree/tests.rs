//! The whole program on small trees.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::hash::PIECE;
use crate::{FINE, SOME_UNREAD, UNUSABLE, run};

/// Exit code, standard output and standard error.
fn hash_tree(path: &Path, options: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = options.iter().map(OsString::from).chain([path.as_os_str().to_owned()]);
    let code = run(arguments, &mut out, &mut err, false).unwrap();
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// A directory with two big files, and a nested directory with 40 small files, one of them empty.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("nested")).unwrap();
    for number in 0..40 {
        fs::write(dir.path().join(format!("nested/small-{number}")), vec![number; 100 * usize::from(number)]).unwrap();
    }
    fs::write(dir.path().join("big"), vec![1; 5 * PIECE as usize + 17]).unwrap();
    fs::write(dir.path().join("bigger"), vec![2; 9 * PIECE as usize]).unwrap();
    dir
}

#[test]
fn all_strategies_agree_on_a_sound_tree() {
    let tree = tree();
    for workers in ["1", "3"] {
        let (code, out, err) = hash_tree(tree.path(), &["--workers", workers, "--repeat", "2"]);
        assert_eq!((code, err.as_str()), (FINE, ""), "{out}");
        assert!(out.starts_with("42 files, 14.1 MiB; 2 of them of more than 1 MiB, together 14.0 MiB\n"), "{out}");
        for row in ["sequential", "fifo, whole", "fifo, pieces", "workstealing, whole", "priority, pieces"] {
            assert!(out.lines().any(|line| line.starts_with(row)), "{row}: {out}");
        }
        assert!(out.contains("digests: all runs agree"), "{out}");
        assert!(out.contains("fastest: "), "{out}");
        assert_eq!(out.lines().filter(|line| line.starts_with("small files wait")).count(), 3, "{out}");
    }
}

#[test]
fn flags_restrict_what_is_measured() {
    let tree = tree();
    let (code, out, _) = hash_tree(tree.path(), &["--strategy", "priority", "--big", "pieces", "--repeat", "1"]);
    assert_eq!(code, FINE, "{out}");
    assert!(out.lines().any(|line| line.starts_with("priority, pieces")), "{out}");
    assert!(!out.contains("fifo") && !out.contains("whole"), "{out}");
}

#[test]
fn a_single_file_and_an_empty_directory_are_trees_too() {
    let tree = tree();
    let (code, out, err) = hash_tree(&tree.path().join("nested/small-7"), &["--repeat", "1"]);
    assert_eq!((code, err.as_str()), (FINE, ""));
    let digest = blake3::hash(blake3::hash(&[7; 700]).as_bytes());
    assert!(out.starts_with("1 file,") && out.contains(&digest.to_string()), "{out}");

    let empty = tempfile::tempdir().unwrap();
    let (code, out, err) = hash_tree(empty.path(), &["--repeat", "1"]);
    assert_eq!((code, err.as_str()), (FINE, ""));
    assert!(out.starts_with("0 files,"), "{out}");
}

#[test]
fn without_a_usable_path_or_with_bad_arguments_nothing_is_done() {
    let tree = tree();
    let (code, out, err) = hash_tree(&tree.path().join("nowhere"), &[]);
    assert_eq!((code, out.as_str()), (UNUSABLE, ""));
    assert!(err.contains("nowhere\": "), "{err}");

    let (code, out, err) = hash_tree(tree.path(), &["--strategy", "lifo"]);
    assert_eq!((code, out.as_str()), (UNUSABLE, ""));
    assert!(err.contains("\"lifo\"") && err.contains("exit code:"), "{err}");

    let (code, out, err) = hash_tree(tree.path(), &["--workers", "1000000000"]);
    assert_eq!((code, out.as_str()), (UNUSABLE, ""));
    assert!(err.contains("not 1000000000"), "{err}");

    let mut err = Vec::new();
    assert_eq!(run([], &mut Vec::new(), &mut err, false).unwrap(), UNUSABLE);
    assert!(String::from_utf8(err).unwrap().contains("PATH is missing"));
}

#[test]
fn help_is_no_failure() {
    let (code, out, err) = hash_tree(Path::new("--help"), &[]);
    assert_eq!((code, err.as_str()), (FINE, ""));
    assert!(out.contains("--strategy") && out.contains("exit code:"), "{out}");
}

/// An entry that is not a file gets a message, blocks no worker, and does not keep the rest from being hashed.
#[cfg(unix)]
#[test]
fn bad_entries_are_named_and_the_rest_is_done() {
    use nix::sys::stat::Mode;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let tree = tree();
    let at = |name: &str| tree.path().join(name);
    symlink("nowhere", at("dangling")).unwrap();
    symlink(tree.path(), at("nested/loop")).unwrap();
    nix::unistd::mkfifo(&at("pipe"), Mode::S_IRWXU).unwrap();
    let _listener = UnixListener::bind(at("socket")).unwrap();
    symlink("/dev/zero", at("zero")).unwrap();
    symlink("big", at("another-big")).unwrap();

    let (code, out, err) = hash_tree(tree.path(), &["--repeat", "1"]);
    assert_eq!(code, SOME_UNREAD, "{out}{err}");
    assert!(out.starts_with("43 files, 19.1 MiB; 3 of them"), "a link to a file counts as one: {out}");
    assert!(out.contains("digests: all runs agree"), "{out}");
    assert!(out.contains("5 entries could not be hashed"), "{out}");
    let message = |name: &str| {
        let start = format!("hash_tree: {:?}: ", at(name));
        err.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{name}: {err}")).to_owned()
    };
    assert_eq!(message("dangling"), "a dangling link to \"nowhere\"");
    assert_eq!(message("nested/loop"), format!("a link back to {:?}, which contains it", tree.path()));
    assert_eq!(message("pipe"), "a named pipe, not a file");
    assert_eq!(message("socket"), "a socket, not a file");
    assert_eq!(message("zero"), "a device, not a file");
    assert_eq!(err.lines().count(), 5, "{err}");

    let (code, _, err) = hash_tree(&at("dangling"), &[]);
    assert_eq!(code, UNUSABLE);
    assert!(err.contains("a dangling link to \"nowhere\""), "{err}");
    let (code, _, err) = hash_tree(&at("pipe"), &[]);
    assert_eq!(code, UNUSABLE);
    assert!(err.contains("a named pipe"), "{err}");
}

/// A file that can be seen but not opened.
#[cfg(unix)]
#[test]
fn a_file_without_permission_is_named_and_the_rest_is_done() {
    use std::os::unix::fs::PermissionsExt;

    let tree = tree();
    let secret = tree.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let (code, out, err) = hash_tree(tree.path(), &["--repeat", "1"]);
    match fs::File::open(&secret) {
        // The superuser may read everything.
        Ok(_) => assert_eq!((code, err.as_str()), (FINE, ""), "{out}"),
        Err(error) => {
            assert_eq!(code, SOME_UNREAD, "{out}");
            assert_eq!(err, format!("hash_tree: {secret:?}: {error}\n"));
            assert!(out.starts_with("42 files,") && out.contains("1 entry could not be hashed"), "{out}");
        }
    }
}
