//! Modules are in layers, and no three files form a circle.
//!
//! The docs of a crate's `lib.rs` hold a table with a row for each module of the root. Each module imports only from modules
//! above it in the table. Code for tests and doctests may import anything, and so may `lib.rs` itself.
//!
//! The sources are read as text: `use` items and paths count; a method call on a value does not, since it names no module.

#[path = "layers/arrows.rs"]
mod arrows;
#[path = "layers/circles.rs"]
mod circles;
#[path = "layers/modules.rs"]
mod modules;
#[path = "layers/tokens.rs"]
mod tokens;

use std::fs;
use std::path::Path;

use arrows::{Arrow, arrows};
use circles::{circles, needs};
use modules::{Crate, ROOT, Sources};

/// The sources of a crate, which lies at `src` below the root of the workspace.
fn sources(src: &str) -> Sources {
    fn visit(directory: &Path, prefix: &str, found: &mut Sources) {
        for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.expect("the directory can be read").path();
            let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
            if path.is_dir() {
                visit(&path, &format!("{name}/"), found);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                found.insert(name, text);
            }
        }
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace");
    let mut found = Sources::new();
    visit(&workspace.join(src), "", &mut found);
    found
}

/// The layers, from the top row: the first table in the docs of `lib.rs` that has only names of modules in its first column.
fn layers(lib: &str) -> Option<Vec<String>> {
    let lines: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect();
    lines.split(|line| !line.starts_with('|')).find_map(|table| {
        // Below the head and the rule.
        let rows = table.get(2..).filter(|rows| !rows.is_empty())?;
        rows.iter().map(|row| module_name(row.split('|').nth(1)?.trim())).collect()
    })
}

/// The name in a cell that is `` `name` ``, `` [`name`] `` or `` [`name`](link) ``, with `/` or `.rs` at its end or without.
fn module_name(cell: &str) -> Option<String> {
    let (name, rest) = cell.strip_prefix('[').unwrap_or(cell).strip_prefix('`')?.split_once('`')?;
    let closed = if cell.starts_with('[') { rest == "]" || rest.starts_with("](") } else { rest.is_empty() };
    let name = name.strip_suffix(".rs").or(name.strip_suffix('/')).unwrap_or(name);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (closed && is_name).then(|| name.to_owned())
}

/// The faults of a crate, a line or more for each. Files are shown with `prefix` in front.
fn faults(sources: &Sources, prefix: &str) -> Vec<String> {
    let parsed = Crate::parse(sources);
    let Some(layers) = layers(sources.get("lib.rs").map_or("", String::as_str)) else {
        return vec![format!("{prefix}lib.rs:1: its docs have no table with a row | `module` | ... | for each layer")];
    };
    let rank = |layer: &str| layers.iter().position(|name| name == layer);
    let mut arrows = arrows(&parsed);
    // A module without a row is a fault of its own.
    arrows.retain(|arrow| rank(layer(&parsed, arrow.from)).is_some());
    let mut faults = parsed.faults.clone();
    faults.extend(faults_of_table(&parsed, &layers));
    faults.extend(arrows.iter().filter_map(|arrow| {
        let why = fault_of_arrow(&parsed, rank, arrow)?;
        Some(format!("{}:{}: `{}` {why}", arrow.file, arrow.line, arrow.path))
    }));
    let mut faults: Vec<String> = faults.iter().map(|fault| format!("{prefix}{fault}")).collect();
    let needs = needs(&arrows);
    for circle in circles(&needs, |file| parsed.parent_file(file)) {
        let within = needs.iter().filter(|((from, to), _)| circle.contains(from) && circle.contains(to));
        let paths: String = within
            .map(|((from, to), arrow)| format!("\n    {prefix}{from}:{}: `{}` of {to}", arrow.line, arrow.path))
            .collect();
        faults.push(format!("a circle of {} files, by these paths:{paths}", circle.len()));
    }
    faults
}

/// The first segment of a module's path; empty for the root.
fn layer(parsed: &Crate, module: usize) -> &str {
    parsed.modules[module].path.first().map_or("", String::as_str)
}

/// Rows without a module, and modules without a row.
fn faults_of_table(parsed: &Crate, layers: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let children = &parsed.modules[ROOT].children;
    for (at, layer) in layers.iter().enumerate() {
        if !children.contains_key(layer) {
            faults.push(format!("lib.rs:1: the table names `{layer}`, which is not a module"));
        }
        if layers[..at].contains(layer) {
            faults.push(format!("lib.rs:1: the table names `{layer}` twice"));
        }
    }
    for (name, &module) in children {
        let module = &parsed.modules[module];
        if !layers.contains(name) && !module.test && !module.hidden {
            faults.push(format!("{}:1: the table of lib.rs has no row for `{name}`", module.file));
        }
    }
    faults
}

/// Why an arrow is wrong, if it is.
fn fault_of_arrow(parsed: &Crate, rank: impl Fn(&str) -> Option<usize>, arrow: &Arrow) -> Option<String> {
    if arrow.needs.as_deref() == Some("lib.rs") {
        return Some("is defined in lib.rs, which imports all layers".to_owned());
    }
    let here = layer(parsed, arrow.from);
    arrow.through.iter().find_map(|&module| match (layer(parsed, module), parsed.modules[module].hidden) {
        (there, _) if rank(there) > rank(here) => {
            Some(format!("leads to `{there}`, which stands below `{here}` in the table of lib.rs"))
        }
        (there, true) if rank(there).is_none() => {
            Some(format!("leads to `{there}`, which has no row in the table of lib.rs"))
        }
        _ => None,
    })
}

fn holds(src: &str) {
    let faults = faults(&sources(src), &format!("{src}/"));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_comparison_stands_in_layers() {
    holds("benches/src");
}

#[test]
fn the_pool_stands_in_layers() {
    holds("pool-core/src");
}

/// The faults of a made-up crate. Its `lib.rs` is a table of `layers`, then the text that `files` has for it.
fn planted(layers: &[&str], files: &[(&str, &str)]) -> Vec<String> {
    let rows: String = layers.iter().map(|layer| format!("//! | [`{layer}`] | |\n")).collect();
    let mods: String = layers.iter().map(|layer| format!("mod {layer};\n")).collect();
    let mut sources: Sources = files.iter().map(|&(file, text)| (file.to_owned(), text.to_owned())).collect();
    let lib = sources.entry("lib.rs".to_owned()).or_default();
    *lib = format!("//! | layer | |\n//! |---|---|\n{rows}{mods}{lib}");
    for layer in layers {
        if !sources.contains_key(&format!("{layer}/mod.rs")) {
            sources.entry(format!("{layer}.rs")).or_default();
        }
    }
    faults(&sources, "")
}

/// The file and line of each fault.
fn places(faults: &[String]) -> Vec<String> {
    faults.iter().map(|fault| fault.split(": ").next().unwrap_or_default().to_owned()).collect()
}

const TWO: &[&str] = &["low", "high"];

#[test]
fn the_table_of_layers_is_told_from_others() {
    let other = "//! | call | cost |\n//! |---|---|\n//! | [`Pool::join`] | none |\n//! | the loops | one |\n//!\n";
    let rows = "//! | `a` | x |\n//! | [`b_2`] | y |\n//! | [`c/`](c) | |\n//! | `d.rs` | |\n";
    let table = format!("//! | layer | what |\n//! |---|---|\n{rows}");
    assert_eq!(layers(&format!("{other}{table}")).unwrap(), ["a", "b_2", "c", "d"]);
    assert_eq!(layers(other), None);
    assert_eq!(layers("//! No table.\nmod a;"), None);
}

#[test]
fn rows_and_modules_belong_together() {
    assert_eq!(planted(TWO, &[]), [""; 0]);
    let more =
        "mod more;\n#[cfg(all(test, loom))]\nmod models;\n#[cfg(doctest)] mod documents;\n#[doc(hidden)]\npub mod toy;";
    let files =
        [("more.rs", ""), ("models/mod.rs", "mod one;"), ("models/one.rs", ""), ("documents.rs", ""), ("toy.rs", "")];
    let found = planted(TWO, &[&[("lib.rs", more)], &files[..]].concat());
    assert_eq!(found, ["more.rs:1: the table of lib.rs has no row for `more`"]);
    assert_eq!(places(&planted(TWO, &[("stray.rs", ""), ("bin/tool.rs", "")])), ["stray.rs:1"]);
    assert_eq!(planted(&["low", "low"], &[])[0], "lib.rs:1: the table names `low` twice");
    let lib = "//! | layer | |\n//! |---|---|\n//! | `gone` | |\n".to_owned();
    let found = faults(&Sources::from([("lib.rs".to_owned(), lib)]), "src/");
    assert_eq!(found, ["src/lib.rs:1: the table names `gone`, which is not a module"]);
}

#[test]
fn every_way_to_import_from_below_in_the_table_is_found() {
    let low = "\
use crate::high::Thing;
use crate::{
    low::inner::Own,
    high::{self as other, deep::Deep},
};
pub(crate) use super::high::*;
fn run() -> crate::high::Thing { other::run(); crate::Handed::new() }
pub(in crate::high) struct Other;
mod inner { pub struct Own; }";
    let high =
        [("high/mod.rs", "pub mod deep;\npub struct Thing;"), ("high/deep.rs", "pub struct Deep;\npub struct Handed;")];
    let found = planted(TWO, &[&[("lib.rs", "pub use high::deep::Handed;"), ("low.rs", low)], &high[..]].concat());
    assert_eq!(
        places(&found),
        ["low.rs:1", "low.rs:4", "low.rs:4", "low.rs:6", "low.rs:7", "low.rs:7", "low.rs:7"],
        "{found:#?}"
    );
    assert_eq!(
        found[0],
        "low.rs:1: `crate::high::Thing` leads to `high`, which stands below `low` in the table of lib.rs"
    );
}

#[test]
fn what_is_no_import_is_let_be() {
    let low = r##"
//! See [`crate::high`].
/* use crate::high; /* use crate::high::Thing; */ */
/// `crate::high::Thing`
pub struct Low<'a>(&'a str);
const TEXT: &str = "crate::high::Thing"; // crate::high::Thing
const RAW: &str = r#"" crate::high::Thing "#;
const QUOTE: [char; 3] = ['"', '\'', 'x'];
impl Low<'_> { fn high(&self) -> impl Sized + use<'_> { self.0.high() } }
#[cfg(test)]
use crate::high::Thing;
#[cfg(all(test, not(loom)))]
fn only_in_tests(_: [u8; 2]) -> crate::high::Thing { crate::high::Thing }
#[cfg(test)]
mod tests { use crate::high::*; }
#[cfg(any(test, doctest))]
mod more;
"##;
    let high = "use crate::low::Low;\npub struct Thing;";
    let found = planted(TWO, &[("low.rs", low), ("low/more.rs", "use crate::high::Thing;"), ("high.rs", high)]);
    assert_eq!(found, [""; 0]);
    // Only code that cannot be built without `test` is for tests.
    let shipped = "#[cfg(any(test, loom))] use crate::high::Thing;\n#[cfg(not(test))]\nuse crate::high;";
    assert_eq!(places(&planted(TWO, &[("low.rs", shipped), ("high.rs", high)]))[..2], ["low.rs:1", "low.rs:3"]);
}

#[test]
fn what_lib_defines_or_hides_is_no_layer() {
    let lib = "pub struct Root;\n#[doc(hidden)] pub mod toy;";
    let files = [("lib.rs", lib), ("toy.rs", "pub struct Toy;"), ("low.rs", "use crate::Root;\nuse crate::toy::Toy;")];
    assert_eq!(places(&planted(TWO, &files)), ["low.rs:1", "low.rs:2"]);
}

#[test]
fn a_circle_of_three_is_found_within_a_layer_too() {
    let files = [
        ("low/mod.rs", "mod a;\nmod b;\nmod c;"),
        ("low/a.rs", "use super::b::B;\npub struct A;"),
        ("low/b.rs", "pub struct B(super::c::C);"),
        ("low/c.rs", "use super::a;\npub struct C(a::A);"),
    ];
    let found = planted(TWO, &files);
    assert_eq!(found.len(), 1, "{found:#?}");
    for line in ["a circle of 3 files", "low/a.rs:1: `super::b::B` of low/b.rs", "low/c.rs:2: `a::A` of low/a.rs"] {
        assert!(found[0].contains(line), "{}", found[0]);
    }
    // A circle of two, and a third file that both import.
    let two =
        [files[0], files[1], ("low/b.rs", "use super::{a::A, c::C};\npub struct B;"), ("low/c.rs", "pub struct C;")];
    assert_eq!(planted(TWO, &two), [""; 0]);
}

#[test]
fn a_parent_and_each_of_its_children_are_a_pair() {
    let parent = "mod a;\nmod b;\npub use a::A;\npub use self::b::B;\npub struct State;\n";
    let child = ("low/a.rs", "use super::State;\npub struct A;");
    let run = "fn run() { a::run(); b::run(); }";
    let knows_parent = ("low/b.rs", "use super::State;\npub struct B;");
    assert_eq!(planted(TWO, &[("low/mod.rs", &(parent.to_owned() + run)), child, knows_parent]), [""; 0]);
    // The sibling's item is named through the parent, and still counts as the sibling's.
    let knows_sibling = ("low/b.rs", "use super::A;\npub struct B;");
    assert_eq!(planted(TWO, &[("low/mod.rs", parent), child, knows_sibling]), [""; 0]);
    // From the parent to `b`, to `a`, and back to the parent.
    let found = planted(TWO, &[("low/mod.rs", &(parent.to_owned() + run)), child, knows_sibling]);
    assert!(found.len() == 1 && found[0].contains("a circle of 3 files"), "{found:#?}");
    // A name that the parent re-exports and also uses counts as an import of the parent.
    let uses = "fn run(_: A, _: B) {}";
    let found = planted(TWO, &[("low/mod.rs", &(parent.to_owned() + uses)), child, knows_sibling]);
    assert!(found.len() == 1 && found[0].contains("low/mod.rs:3: `a::A` of low/a.rs"), "{found:#?}");
}
