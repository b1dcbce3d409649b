//! The documents of the workspace are consistent: links lead somewhere, named files, functions and tests exist, quotations
//! are exact. Their examples are doctests of this crate (`src/documents.rs`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace")
}

/// All files of the workspace, relative to its root, without build directories and hidden ones.
fn files() -> Vec<PathBuf> {
    fn visit(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind))).unwrap();
            let name = entry.file_name().into_string().unwrap_or_default();
            match () {
                () if kind.is_dir() && (name.starts_with('.') || name.starts_with("target")) => {}
                () if kind.is_dir() => visit(&entry.path(), found),
                () => found.push(entry.path().strip_prefix(root()).unwrap().to_owned()),
            }
        }
    }
    let mut found = Vec::new();
    visit(root(), &mut found);
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn documents() -> Vec<(PathBuf, String)> {
    let found: Vec<_> = files().into_iter().filter(|file| file.extension().is_some_and(|it| it == "md")).collect();
    assert!(found.len() > 10, "the documents are not where they were: {found:?}");
    found.into_iter().map(|file| (read(&file), file)).map(|(text, file)| (file, text)).collect()
}

/// The lines outside fenced blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence && !line.starts_with("    ")).then_some((at + 1, line))
    })
}

/// The text between each `open` and the `close` after it.
fn between<'a>(line: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    line.split(open).skip(1).filter_map(move |rest| rest.split_once(close)).map(|(inner, _)| inner)
}

/// A line without its code spans.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The anchor that a heading gets: lower case, spaces as dashes, no punctuation.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    plain.chars().map(|c| if c == ' ' { '-' } else { c }).filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

fn no_faults(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    let mut links = 0;
    for (file, text) in documents() {
        let here = file.parent().unwrap_or(Path::new(""));
        for (number, line) in prose(&text) {
            let plain = without_code(line);
            let inline = between(&plain, "](", ")");
            let reference = plain.starts_with('[').then(|| plain.split_once("]: ")).flatten().map(|(_, to)| to);
            for link in inline.chain(reference) {
                links += 1;
                if link.contains("://") {
                    continue;
                }
                let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
                let target = if path.is_empty() { file.clone() } else { here.join(path) };
                let found = root().join(&target);
                if !found.exists() {
                    faults.push(format!("{}:{number}: no {path}", file.display()));
                } else if !wanted.is_empty() {
                    let text = fs::read_to_string(found).unwrap_or_default();
                    if !prose(&text).any(|(_, line)| line.starts_with('#') && anchor(line) == wanted) {
                        faults.push(format!(
                            "{}:{number}: no heading #{wanted} in {}",
                            file.display(),
                            target.display()
                        ));
                    }
                }
            }
        }
    }
    assert!(links > 100, "{links} links found");
    no_faults(&faults);
}

/// A code span that looks like a file names one of this workspace: `cell.rs`, `parallel/mod.rs`, `pool-fifo/src/lib.rs`.
#[test]
fn files_that_are_named_exist() {
    let all: Vec<String> = files().iter().map(|file| file.to_string_lossy().replace('\\', "/")).collect();
    let exists = |name: &str| all.iter().any(|file| file == name || file.ends_with(&format!("/{name}")));
    let is_file = |span: &str| {
        [".rs", ".md", ".toml"].iter().any(|end| span.len() > end.len() && span.ends_with(end))
            && span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    };
    let mut faults = Vec::new();
    for (file, text) in documents() {
        for (number, line) in prose(&text) {
            for span in code_spans(line).filter(|span| is_file(span) && !exists(span)) {
                faults.push(format!("{}:{number}: no file {span}", file.display()));
            }
        }
    }
    no_faults(&faults);
}

/// A block after `<!-- quoted from FILE -->` is in FILE, line by line. The lines that rustdoc hides (`# …`) are not quoted:
/// they make an example of a quotation.
#[test]
fn quotations_are_exact() {
    let mut faults = Vec::new();
    let mut quotations = 0;
    for (file, text) in documents() {
        for part in text.split("<!-- quoted from ").skip(1) {
            let (source, rest) = part.split_once(" -->\n").expect("the comment ends its line");
            let is_example = rest.starts_with("```rust\n");
            let fence = if is_example { "```rust\n" } else { "```rust,ignore\n" };
            let block = between(rest, fence, "```").next().expect("a block follows");
            let shown = |line: &&str| !(is_example && (line.starts_with("# ") || *line == "#\n"));
            let block: String = block.split_inclusive('\n').filter(shown).collect();
            quotations += 1;
            if block.is_empty() || !read(Path::new(source)).contains(&block) {
                faults.push(format!("{}: not in {source}:\n{block}", file.display()));
            }
        }
    }
    assert!(quotations >= 5, "{quotations} quotations found");
    no_faults(&faults);
}

/// `docs/memory-orderings.md` links each source file that has an ordering weaker than `SeqCst`, and the functions in the
/// second cell of a row exist in the file that the first cell links.
#[test]
fn every_file_with_a_weak_ordering_is_explained() {
    let page = read(Path::new("docs/memory-orderings.md"));
    let mut named = BTreeSet::new();
    let mut faults = Vec::new();
    for (number, line) in prose(&page).filter(|(_, line)| line.starts_with("| [")) {
        let mut cells = line.split('|').skip(1);
        let (files, functions) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
        let file = between(files, "](../", ")").next().unwrap_or_else(|| panic!("line {number} links no file"));
        let source = read(Path::new(file));
        for function in code_spans(functions) {
            if !source.contains(&format!("fn {function}(")) && !source.contains(&format!("fn {function}<")) {
                faults.push(format!("docs/memory-orderings.md:{number}: no function {function} in {file}"));
            }
        }
        named.insert(PathBuf::from(file));
    }
    let weak = ["Ordering::Relaxed", "Ordering::Acquire", "Ordering::Release", "Ordering::AcqRel", "fence("];
    for file in files() {
        let shown = file.to_string_lossy().replace('\\', "/");
        let library = ["pool-core", "pool-fifo", "pool-workstealing", "pool-priority", "pool-any"];
        let shipped =
            library.iter().any(|it| shown.starts_with(&format!("{it}/src/"))) && !shown.contains("loom_tests");
        // Not in the examples of the docs.
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let has_weak = |file: &Path| {
            read(file).lines().filter(is_code).any(|line| weak.iter().any(|ordering| line.contains(ordering)))
        };
        if shipped && !named.contains(&file) && has_weak(&file) {
            faults.push(format!("docs/memory-orderings.md does not mention {shown}"));
        }
    }
    no_faults(&faults);
}

/// The tests that `docs/` names exist.
#[test]
fn tests_that_are_named_exist() {
    // The kit, and the tests of each crate.
    let has_tests = |file: &&PathBuf| {
        let in_tests = file.iter().nth(1).is_some_and(|folder| folder == "tests");
        (in_tests || file.starts_with("pool-conformance")) && file.extension().is_some_and(|it| it == "rs")
    };
    let kit: String = files().iter().filter(has_tests).map(|file| read(file)).collect();
    let mut faults = Vec::new();
    for page in [
        "docs/architecture.md",
        "docs/coming-from.md",
        "docs/jobs.md",
        "docs/laws.md",
        "docs/server.md",
        "docs/shutdown.md",
        "docs/waiting.md",
    ] {
        for (number, line) in prose(&read(Path::new(page))).collect::<Vec<_>>() {
            let is_test = |span: &&str| {
                span.matches('_').count() >= 2
                    && span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            };
            for name in code_spans(line).filter(is_test) {
                if !kit.contains(&format!("fn {name}<")) && !kit.contains(&format!("fn {name}(")) {
                    faults.push(format!("{page}:{number}: no test {name}"));
                }
            }
        }
    }
    no_faults(&faults);
}

#[test]
fn ci_begins_with_the_command_of_the_readme() {
    let command = "cargo test --workspace";
    assert!(read(Path::new("README.md")).contains(&format!("\n{command} ")));
    let run = read(Path::new(".ci/run"));
    let mut lines = run.lines().skip_while(|line| !line.starts_with("step "));
    assert_eq!(lines.nth(1).map(str::trim), Some(command), "the first step's command");
}
