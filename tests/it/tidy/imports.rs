//! Which module imports which, by the paths that stand in the code.

use std::collections::{HashMap, HashSet};

use super::source::Source;

/// The name of the crate that a path may begin with, and where its modules are.
const CRATES: [(&str, &str); 3] = [
    ("archiver", "src/"),
    ("archiver_format", "crates/format/src/"),
    ("archiver_analyze", "crates/analyze/src/"),
];
/// What the modules of the second program begin with.
pub const ANALYZE: &str = "archiver_analyze::";
/// The one module of the program's own crate.
pub const MAIN: &str = "main";

/// That a module names something of another one.
pub struct Import {
    /// `archiver::config::key`, say.
    pub from: String,
    pub to: String,
    /// `path:line`.
    pub place: String,
}

struct Modules {
    names: HashSet<String>,
    /// What a module hands on under a name of its own, and what that is.
    reexports: HashMap<String, String>,
}

/// Every import of a module by another one, in the order of the files.
pub fn imports(sources: &[Source]) -> Vec<Import> {
    let mut modules = Modules {
        names: sources.iter().map(|source| name(&source.path)).collect(),
        reexports: HashMap::new(),
    };
    for source in sources {
        let from = name(&source.path);
        for path in paths(source).iter().filter(|path| path.is_reexport) {
            let (typed, alias) = path.typed.split_once(" as ").unwrap_or((&path.typed, ""));
            let last = typed.rsplit("::").next().unwrap_or_default();
            let known_as = if alias.is_empty() { last } else { alias };
            let target = absolute(&from, typed);
            let reexport = format!("{from}::{known_as}");
            modules.reexports.insert(reexport, target);
        }
    }
    let mut imports = Vec::new();
    for source in sources {
        let from = name(&source.path);
        for path in paths(source) {
            let typed = path.typed.split(" as ").next().unwrap_or_default();
            let to = modules.that_has(&absolute(&from, typed));
            if let Some(to) = to.filter(|to| *to != from) {
                let (from, place) = (from.clone(), format!("{}:{}", source.path, path.line));
                imports.push(Import { from, to, place });
            }
        }
    }
    imports
}

impl Modules {
    /// The module in which this is defined.
    fn that_has(&self, path: &str) -> Option<String> {
        let mut module = path;
        while !self.names.contains(module) {
            module = module.rsplit_once("::")?.0;
        }
        let item = path[module.len()..].split("::").nth(1).unwrap_or_default();
        match self.reexports.get(&format!("{module}::{item}")) {
            Some(target) => self.that_has(target),
            None => Some(module.to_owned()),
        }
    }
}

/// The module of a file.
pub fn name(path: &str) -> String {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    for (root, folder) in CRATES {
        match path.strip_prefix(folder) {
            Some(MAIN) if root == CRATES[0].0 => return MAIN.to_owned(),
            Some("lib") => return root.to_owned(),
            Some(rest) => return format!("{root}::{}", rest.replace('/', "::")),
            None => {}
        }
    }
    panic!("{path} is in no crate that is known here");
}

/// A path from its crate's root on, whatever it begins with in this module.
fn absolute(module: &str, typed: &str) -> String {
    let mut base = module.split("::").collect::<Vec<_>>();
    let mut rest = typed.split("::").peekable();
    match rest.peek().copied() {
        Some("crate") => base.truncate(1),
        Some(first) if CRATES.iter().any(|(root, _)| *root == first) => return typed.to_owned(),
        _ => {}
    }
    for segment in rest {
        match segment {
            "crate" | "self" => {}
            "super" => drop(base.pop()),
            segment => base.push(segment),
        }
    }
    base.join("::")
}

struct Typed {
    line: usize,
    /// As it is written, each name of a `use` with its whole path, and with its `as`.
    typed: String,
    is_reexport: bool,
}

fn paths(source: &Source) -> Vec<Typed> {
    let mut paths = Vec::new();
    let mut code = source.code();
    while let Some((line, text)) = code.next() {
        if let Some((visibility, tree)) = use_of(text) {
            let mut tree = tree.to_owned();
            while !tree.contains(';') {
                let Some((_, more)) = code.next() else { break };
                tree.push_str(more.trim());
            }
            let mut leaves = Vec::new();
            expand(tree.trim_end_matches(';'), "", &mut leaves);
            paths.extend(leaves.into_iter().map(|typed| Typed {
                line,
                typed,
                is_reexport: !visibility.is_empty(),
            }));
            continue;
        }
        // Who may see something is no import.
        let text = text.replace("pub(in crate::", "");
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let words = words.map(|word| word.trim_matches(':'));
        paths.extend(words.filter(|word| word.contains("::")).map(|word| Typed {
            line,
            typed: word.to_owned(),
            is_reexport: false,
        }));
    }
    paths
}

/// The visibility and what comes behind `use`, if a line begins with one.
fn use_of(line: &str) -> Option<(&str, &str)> {
    let (before, tree) = line.split_once("use ")?;
    let visibility = before.trim();
    let is_restricted = visibility.starts_with("pub(") && visibility.ends_with(')');
    let begins = matches!(visibility, "" | "pub") || is_restricted;
    begins.then_some((visibility, tree))
}

/// Every name of a tree of `use`.
fn expand(tree: &str, prefix: &str, leaves: &mut Vec<String>) {
    let Some((head, body)) = tree.split_once('{') else {
        let leaf = format!("{prefix}{}", tree.trim());
        leaves.push(leaf.trim_end_matches("::self").to_owned());
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let body = body.trim_end();
    let body = body.strip_suffix('}').unwrap_or(body);
    let mut depth = 0;
    let branches = body.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for branch in branches.filter(|branch| !branch.trim().is_empty()) {
        expand(branch, &prefix, leaves);
    }
}
