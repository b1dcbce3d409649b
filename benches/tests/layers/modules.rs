//! The modules of a crate, with what each imports, mentions and defines. Found from `lib.rs` through the `mod` items.

use std::collections::{BTreeMap, BTreeSet};

use crate::tokens::{Kind, Token, closing, tokens};

/// Sources by their path below `src`, with `/` between the parts.
pub(crate) type Sources = BTreeMap<String, String>;

/// The crate's root is the module 0.
pub(crate) const ROOT: usize = 0;

/// One name that a `use` item brings into a module.
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// What the module calls it; `*` for all names of a module.
    pub(crate) name: String,
    /// Whether the module re-exports it.
    pub(crate) public: bool,
    pub(crate) line: usize,
}

#[derive(Default)]
pub(crate) struct Module {
    /// From the crate's root, which has the empty path.
    pub(crate) path: Vec<String>,
    pub(crate) file: String,
    pub(crate) parent: usize,
    pub(crate) children: BTreeMap<String, usize>,
    /// Compiled for tests or doctests only. Its contents are not read.
    pub(crate) test: bool,
    /// Marked with `doc(hidden)`.
    pub(crate) hidden: bool,
    pub(crate) imports: Vec<Import>,
    /// Paths of two segments and more, outside of `use` items.
    pub(crate) mentions: Vec<(Vec<String>, usize)>,
    /// Each word of the code that may be a name in scope, with the first line that has it.
    pub(crate) words: BTreeMap<String, usize>,
    pub(crate) definitions: BTreeSet<String>,
}

#[derive(Default)]
pub(crate) struct Crate {
    pub(crate) modules: Vec<Module>,
    /// The name that `extern crate self as NAME` gives the crate within itself.
    pub(crate) own_name: Option<String>,
    /// Files that a `mod` item names and that do not exist, and files that no `mod` item names.
    pub(crate) faults: Vec<String>,
}

impl Crate {
    pub(crate) fn parse(sources: &Sources) -> Crate {
        let mut parser = Parser { sources, parsed: Crate::default() };
        parser.parsed.modules.push(Module { file: "lib.rs".to_owned(), ..Module::default() });
        parser.file(ROOT, "lib.rs");
        let Crate { modules, own_name, mut faults } = parser.parsed;
        let leads_to = |file: &str, module: &Module| {
            // The files below a module for tests were not read.
            let unread = module.test && module.file != modules[module.parent].file;
            module.file == file || (unread && file.starts_with(&folder(&module.file)))
        };
        for file in sources.keys() {
            // A binary is a crate of its own.
            let binary = file.starts_with("bin/") || file == "main.rs";
            if !binary && !modules.iter().any(|module| leads_to(file, module)) {
                faults.push(format!("{file}:1: no `mod` item leads to this file"));
            }
        }
        Crate { modules, own_name, faults }
    }
}

/// The folder for the children of the module in `file`; empty or with `/` at its end.
fn folder(file: &str) -> String {
    match file {
        "lib.rs" => String::new(),
        _ => file.strip_suffix("mod.rs").map_or_else(|| file.trim_end_matches(".rs").to_owned() + "/", str::to_owned),
    }
}

/// The attributes and the visibility of an item.
#[derive(Default)]
struct Front {
    public: bool,
    test: bool,
    hidden: bool,
    path: Option<String>,
}

struct Parser<'a> {
    sources: &'a Sources,
    parsed: Crate,
}

impl Parser<'_> {
    fn file(&mut self, module: usize, file: &str) {
        let text = self.sources.get(file).map_or("", String::as_str);
        self.items(module, &tokens(text), &folder(file));
    }

    /// Reads the tokens of a module with children in `dir`. Code in bodies belongs to the module as well.
    fn items(&mut self, module: usize, tokens: &[Token], dir: &str) {
        let word = |at: usize| tokens.get(at).and_then(Token::word);
        let is = |at: usize, mark| tokens.get(at).is_some_and(|token| token.is(mark));
        let mut front = Front::default();
        let mut at = 0;
        while at < tokens.len() {
            if is(at, '#') && is(at + 1, '[') {
                let end = closing(tokens, at + 1);
                front.read(&tokens[at + 2..end]);
                at = end + 1;
                continue;
            }
            if word(at) == Some("pub") {
                front.public = true;
                let scope = word(at + 2).filter(|_| is(at + 1, '('));
                let scoped =
                    scope == Some("in") || (is(at + 3, ')') && matches!(scope, Some("crate" | "super" | "self")));
                at = if scoped { closing(tokens, at + 1) + 1 } else { at + 1 };
                continue;
            }
            at = match (word(at), word(at + 1)) {
                (None, _) if is(at, '#') && is(at + 1, '!') && is(at + 2, '[') => {
                    let end = closing(tokens, at + 2);
                    if is_test(&tokens[at + 3..end]) {
                        self.parsed.modules[module].test = true;
                        return;
                    }
                    end + 1
                }
                (Some("mod"), Some(name)) => self.module(module, name, &front, tokens, at + 2, dir),
                _ if front.test => item_end(tokens, at),
                (Some("use"), _) if !is(at + 1, '<') => self.import(module, front.public, tokens, at + 1),
                (Some("extern"), Some("crate")) if word(at + 2) == Some("self") => {
                    self.parsed.own_name = word(at + 4).map(str::to_owned);
                    at + 5
                }
                (Some(keyword), Some(name)) if defines(keyword, name) => {
                    self.parsed.modules[module].definitions.insert(name.to_owned());
                    at + 2
                }
                (Some("macro_rules"), None) if is(at + 1, '!') => {
                    self.parsed.modules[module].definitions.extend(word(at + 2).map(str::to_owned));
                    at + 3
                }
                (Some(_), _) => self.mention(module, tokens, at),
                (None, _) => at + 1,
            };
            front = Front::default();
        }
    }

    /// A `mod` item; `at` is what follows its name. Returns the index after it.
    fn module(&mut self, parent: usize, name: &str, front: &Front, tokens: &[Token], at: usize, dir: &str) -> usize {
        let inline = tokens.get(at).is_some_and(|token| token.is('{'));
        let modules = &mut self.parsed.modules;
        let above = &modules[parent].file;
        let file = match &front.path {
            _ if inline => above.clone(),
            Some(path) => above[..above.rfind('/').map_or(0, |slash| slash + 1)].to_owned() + path,
            None if self.sources.contains_key(&format!("{dir}{name}/mod.rs")) => format!("{dir}{name}/mod.rs"),
            None => format!("{dir}{name}.rs"),
        };
        if !self.sources.contains_key(&file) {
            let fault = format!("{above}:{}: there is no file {file}", tokens[at - 1].line);
            self.parsed.faults.push(fault);
        }
        // Two `mod` items of one name, each with its `cfg`, are one module.
        let id = modules[parent].children.get(name).copied().unwrap_or(modules.len());
        if id == modules.len() {
            let mut path = modules[parent].path.clone();
            path.push(name.to_owned());
            let (test, hidden) = (front.test, front.hidden);
            modules.push(Module { path, file: file.clone(), parent, test, hidden, ..Module::default() });
            modules[parent].children.insert(name.to_owned(), id);
        }
        let end = if inline { closing(tokens, at) } else { at };
        match (front.test, inline) {
            (true, _) => {}
            (false, true) => self.items(id, &tokens[at + 1..end], &format!("{dir}{name}/")),
            (false, false) => self.file(id, &file),
        }
        end + 1
    }

    /// A `use` item; `at` is what follows the keyword. Returns the index after it.
    fn import(&mut self, module: usize, public: bool, tokens: &[Token], mut at: usize) -> usize {
        let imports = &mut self.parsed.modules[module].imports;
        use_tree(tokens, &mut at, &[], &mut |path, name, line| imports.push(Import { path, name, public, line }));
        at + 1
    }

    /// A word of the code, or a path that begins with it. Returns the index after it.
    fn mention(&mut self, module: usize, tokens: &[Token], at: usize) -> usize {
        let mut path = vec![tokens[at].word().unwrap_or_default().to_owned()];
        let mut end = at + 1;
        while tokens.get(end).is_some_and(|token| token.kind == Kind::Colons) {
            let Some(segment) = tokens.get(end + 1).and_then(Token::word) else { break };
            path.push(segment.to_owned());
            end += 2;
        }
        let dot = |back: usize| at >= back && tokens[at - back].is('.');
        // One dot precedes a field or a method, two dots precede the end of a range.
        let member = dot(1) && !dot(2);
        let rest = at > 0 && tokens[at - 1].kind == Kind::Colons;
        // A field, a parameter or a variable with its type.
        let typed = path.len() == 1 && tokens.get(end).is_some_and(|token| token.is(':'));
        if !member && !rest && !typed {
            let (module, line) = (&mut self.parsed.modules[module], tokens[at].line);
            module.words.entry(path[0].clone()).or_insert(line);
            if path.len() > 1 {
                module.mentions.push((path, line));
            }
        }
        end
    }
}

impl Front {
    /// Reads the tokens within the brackets of an attribute.
    fn read(&mut self, attribute: &[Token]) {
        let words: Vec<&str> = attribute.iter().filter_map(Token::word).collect();
        self.test |= is_test(attribute);
        self.hidden |= words == ["doc", "hidden"];
        if let (["path"], Some(Kind::Literal(file))) = (&*words, attribute.last().map(|token| &token.kind)) {
            self.path = Some(file.clone());
        }
    }
}

/// Whether an attribute leaves its item to tests: `test`, or a `cfg` that cannot hold without `test` or `doctest`.
fn is_test(attribute: &[Token]) -> bool {
    match attribute {
        [only] => only.word() == Some("test"),
        [cfg, _, condition @ .., _] => cfg.word() == Some("cfg") && asks_for_test(condition),
        [] | [_, _] => false,
    }
}

fn asks_for_test(condition: &[Token]) -> bool {
    let parts = || match condition {
        [_, _, parts @ .., _] => split(parts).map(asks_for_test).collect(),
        _ => Vec::new(),
    };
    match condition.first().and_then(Token::word) {
        Some("test" | "doctest") => true,
        Some("all") => parts().contains(&true),
        Some("any") => !parts().is_empty() && !parts().contains(&false),
        _ => false,
    }
}

/// The parts between the commas that are in no bracket.
fn split(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    let mut depth = 0;
    tokens.split(move |token| {
        match token.kind {
            Kind::Mark('(') => depth += 1,
            Kind::Mark(')') => depth -= 1,
            _ => {}
        }
        depth == 0 && token.is(',')
    })
}

/// Whether the two words begin the definition of `name`.
fn defines(keyword: &str, name: &str) -> bool {
    let kind = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"].contains(&keyword);
    kind && !["fn", "unsafe", "async", "extern", "mut"].contains(&name)
}

/// The index after the item, statement, field or arm that begins at `at`.
fn item_end(tokens: &[Token], at: usize) -> usize {
    let first = tokens.get(at).and_then(Token::word).unwrap_or_default();
    let second = tokens.get(at + 1).and_then(Token::word).unwrap_or_default();
    // These end with a semicolon, whatever braces they hold.
    let statement = ["use", "let", "static", "type", "const"].contains(&first) && second != "fn" && second != "unsafe";
    // A comma in their generics does not end them.
    let item =
        ["fn", "unsafe", "async", "extern", "const", "impl", "struct", "enum", "union", "trait"].contains(&first);
    let mut angles = 0;
    let mut end = at;
    while let Some(token) = tokens.get(end) {
        match token.kind {
            Kind::Mark(';') => return end + 1,
            Kind::Mark(',') if !item && !statement && angles <= 0 => return end + 1,
            Kind::Mark(')' | ']' | '}') => return end,
            Kind::Mark('{') if !statement => return closing(tokens, end) + 1,
            Kind::Mark('(' | '[' | '{') => end = closing(tokens, end),
            Kind::Mark('<') => angles += 1,
            Kind::Mark('>') if end > at && !tokens[end - 1].is('-') && !tokens[end - 1].is('=') => angles -= 1,
            _ => {}
        }
        end += 1;
    }
    end
}

/// Reads one tree of a `use` item from `at`, and calls `found` with each path, the name that it gets, and its line. Leaves
/// `at` at the token that ends the tree.
fn use_tree(tokens: &[Token], at: &mut usize, prefix: &[String], found: &mut dyn FnMut(Vec<String>, String, usize)) {
    let mut path = prefix.to_vec();
    let mut name = None;
    let mut line = 0;
    while let Some(token) = tokens.get(*at) {
        match &token.kind {
            Kind::Mark(';' | ',' | '}') => break,
            Kind::Mark('{') => {
                loop {
                    *at += 1;
                    use_tree(tokens, at, &path, found);
                    if !tokens.get(*at).is_some_and(|token| token.is(',')) {
                        break;
                    }
                }
                *at += 1;
                return;
            }
            Kind::Mark('*') => (name, line) = (Some("*".to_owned()), token.line),
            Kind::Word(word) if word == "as" => {
                *at += 1;
                name = tokens.get(*at).and_then(Token::word).map(str::to_owned);
            }
            // `a::{self}` is `a`.
            Kind::Word(word) if word == "self" && !path.is_empty() => line = token.line,
            Kind::Word(word) => {
                path.push(word.clone());
                line = token.line;
            }
            // `::a` is another crate.
            Kind::Colons if path.is_empty() => path.push(String::new()),
            _ => {}
        }
        *at += 1;
    }
    if let (Some(last), true) = (path.last(), line > 0) {
        let name = name.unwrap_or_else(|| last.clone());
        found(path, name, line);
    }
}
