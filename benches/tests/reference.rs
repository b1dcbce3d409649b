//! The reference: every public function of the library crates shows how it is called.

use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 5] = ["pool-core", "pool-fifo", "pool-workstealing", "pool-priority", "pool-any"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        match path.file_name().and_then(|name| name.to_str()) {
            // Models, and what stands in for `std` under them.
            Some("loom_tests" | "loom_park.rs") => {}
            _ if path.is_dir() => sources(&path, found),
            _ if path.extension().is_some_and(|it| it == "rs") => found.push(path),
            _ => {}
        }
    }
}

/// Whether the line begins a function that users may call, given its attributes and docs.
fn is_public_function(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("pub ");
    rest.is_some_and(|rest| ["fn ", "const fn ", "unsafe fn "].iter().any(|start| rest.starts_with(start)))
}

/// Each public function of a source without an example, with the line where it begins.
fn without_example(source: &str) -> (usize, Vec<(usize, String)>) {
    let lines: Vec<&str> = source.lines().collect();
    let (mut all, mut missing) = (0, Vec::new());
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_public_function(line)) {
        let above = lines[..at].iter().rev().map(|line| line.trim_start());
        let head: Vec<&str> = above.take_while(|line| line.starts_with("//") || line.starts_with("#[")).collect();
        if head.iter().any(|line| line.starts_with("#[cfg(") && line.contains("test")) {
            continue;
        }
        all += 1;
        if !head.iter().any(|line| line.starts_with("/// ```")) {
            missing.push((at + 1, line.trim().to_owned()));
        }
    }
    (all, missing)
}

#[test]
fn every_public_function_has_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace");
    let mut files = Vec::new();
    CRATES.iter().for_each(|name| sources(&root.join(name).join("src"), &mut files));
    let (mut all, mut faults) = (0, Vec::new());
    for file in files {
        let (functions, missing) = without_example(&fs::read_to_string(&file).unwrap());
        all += functions;
        let shown = file.strip_prefix(root).unwrap().display().to_string();
        faults.extend(missing.into_iter().map(|(line, function)| format!("{shown}:{line}: no example for {function}")));
    }
    assert!(all > 100, "{all} public functions found");
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_function_without_an_example_is_found() {
    let source = "/// Adds.\npub fn add() {}\n/// Takes.\n///\n/// ```\n/// take();\n/// ```\n#[inline]\npub fn take() {}\n\
                  pub(crate) fn hidden() {}\n/// In tests.\n#[cfg(test)]\npub fn tested() {}\n";
    assert_eq!(without_example(source), (2, vec![(2, "pub fn add() {}".to_owned())]));
}
