//! The arrows between modules: each path of the shipped code, followed to the module that defines what it names.

use std::collections::BTreeSet;

use crate::modules::{Crate, Module, ROOT};

/// How many re-exports in a row are followed; a guard against imports that lead to each other.
const MOST_HOPS: usize = 8;

/// One import or mention of something in another module.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The path as it is written.
    pub(crate) path: String,
    /// The module that contains it.
    pub(crate) from: usize,
    /// Every module that the path goes through, those behind a re-export included; the last is the one that it leads to.
    pub(crate) through: Vec<usize>,
    /// The file with the code that it needs. `None` for a module by its name alone, and for a re-export of a child's item.
    pub(crate) needs: Option<String>,
}

/// What a path leads to: a module, or an item of the last module in `through`.
struct Found {
    through: Vec<usize>,
    module: bool,
}

impl Found {
    fn last(&self) -> usize {
        *self.through.last().expect("a path leads through a module")
    }
}

/// All arrows of the shipped code, except those of the crate's root.
pub(crate) fn arrows(parsed: &Crate) -> BTreeSet<Arrow> {
    let mut arrows = BTreeSet::new();
    for (from, module) in parsed.modules.iter().enumerate() {
        if module.test || module.file == parsed.modules[ROOT].file {
            continue;
        }
        let arrow = |path: &[String], line, found: &Found, needs: Option<&str>| Arrow {
            file: module.file.clone(),
            line,
            path: path.join("::"),
            from,
            through: found.through.clone(),
            needs: needs.filter(|needs| *needs != module.file).map(str::to_owned),
        };
        let file = |found: &Found| &*parsed.modules[found.last()].file;
        for import in &module.imports {
            let Some(found) = parsed.resolve(from, &import.path, MOST_HOPS) else { continue };
            let handed_on = import.public && parsed.is_below(found.last(), module);
            if import.name == "*" {
                // Each name that the code takes through the `*` is an arrow of its own.
                let mut taken = module.words.iter().filter_map(|(word, &line)| {
                    let path = [&import.path[..], std::slice::from_ref(word)].concat();
                    let item = found.module.then(|| parsed.item(found.last(), word, true, MOST_HOPS))??;
                    Some(arrow(&path, line, &item, Some(file(&item)).filter(|_| !item.module)))
                });
                let first = taken.next();
                let unknown = first.is_none() && !handed_on;
                arrows.extend(first.into_iter().chain(taken));
                arrows.insert(arrow(&import.path, import.line, &found, Some(file(&found)).filter(|_| unknown)));
            } else {
                let needed = !found.module && (!handed_on || module.words.contains_key(&import.name));
                arrows.insert(arrow(&import.path, import.line, &found, Some(file(&found)).filter(|_| needed)));
            }
        }
        for (path, line) in &module.mentions {
            // The members of an imported type are imported with it.
            let of_item = parsed.in_scope(from, &path[0], false, MOST_HOPS).is_some_and(|first| !first.module);
            if let (false, Some(found)) = (of_item, parsed.resolve(from, path, MOST_HOPS)) {
                arrows.insert(arrow(path, *line, &found, Some(file(&found)).filter(|_| !found.module)));
            }
        }
    }
    arrows
}

impl Crate {
    /// The file of the parent of the module in `file`.
    pub(crate) fn parent_file(&self, file: &str) -> Option<&str> {
        let module = self.modules.iter().find(|module| module.file == file)?;
        Some(&self.modules[module.parent].file)
    }

    /// Whether the module `inner` lies in a file below that of `outer`.
    fn is_below(&self, inner: usize, outer: &Module) -> bool {
        let root = self.modules.iter().find(|module| module.file == outer.file).unwrap_or(outer);
        let inner = &self.modules[inner];
        inner.file != outer.file && inner.path.starts_with(&root.path)
    }

    /// What `path`, written in the module `from`, leads to; `None` if that is outside this crate.
    fn resolve(&self, from: usize, path: &[String], hops: usize) -> Option<Found> {
        let hops = hops.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let mut found = match first.as_str() {
            name if self.is_root(name) => Found { through: vec![ROOT], module: true },
            "self" | "super" => Found { through: vec![self.neighbour(from, first)], module: true },
            name => self.in_scope(from, name, rest.is_empty(), hops)?,
        };
        for (at, segment) in rest.iter().enumerate() {
            if !found.module {
                // A variant or a function of a type.
                break;
            }
            let next = match segment.as_str() {
                "self" | "super" => Found { through: vec![self.neighbour(found.last(), segment)], module: true },
                // An item that a macro defines is not found; it counts as the module's own.
                name => self
                    .item(found.last(), name, at + 1 == rest.len(), hops)
                    .unwrap_or(Found { through: Vec::new(), module: false }),
            };
            found.module = next.module;
            found.through.extend(next.through);
        }
        Some(found)
    }

    fn is_root(&self, name: &str) -> bool {
        name == "crate" || self.own_name.as_deref() == Some(name)
    }

    fn neighbour(&self, module: usize, name: &str) -> usize {
        if name == "super" { self.modules[module].parent } else { module }
    }

    /// What the first segment of a path means in a module; `None` if it is the module's own or comes from another crate.
    fn in_scope(&self, module: usize, name: &str, last: bool, hops: usize) -> Option<Found> {
        self.item(module, name, last, hops).filter(|found| found.through != [module])
    }

    /// What `name` is in `module`: a child, an import, or its own item. `last` says whether `name` ends its path.
    fn item(&self, module: usize, name: &str, last: bool, hops: usize) -> Option<Found> {
        let Module { children, imports, definitions, .. } = &self.modules[module];
        let import = imports.iter().find(|import| import.name == name);
        // A function may have the name of the module that it comes from.
        if let (Some(&child), true) = (children.get(name), import.is_none() || !last) {
            return Some(Found { through: vec![child], module: true });
        }
        let own = Found { through: vec![module], module: false };
        if let Some(import) = import {
            // A crate has the name of its import. An item of another crate counts as this module's own.
            let outside = import.path.first().is_some_and(|first| first == name && !children.contains_key(name));
            let found = if outside { None } else { self.resolve(module, &import.path, hops) };
            return Some(found.unwrap_or(own));
        }
        if definitions.contains(name) {
            return Some(own);
        }
        let begins_here =
            |first: &str| self.is_root(first) || ["self", "super"].contains(&first) || children.contains_key(first);
        let globs =
            imports.iter().filter(|import| import.name == "*" && import.path.first().is_some_and(|it| begins_here(it)));
        globs.into_iter().find_map(|import| {
            let target = self.resolve(module, &import.path, hops)?;
            let item = self.item(target.last(), name, last, hops.checked_sub(1)?).filter(|_| target.module)?;
            Some(Found { through: [target.through, item.through].concat(), module: item.module })
        })
    }
}
