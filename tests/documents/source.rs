//! Rust sources, as `syn` reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Item, UseTree};

use super::repository;

/// A path in the code, segment by segment: `["std", "fmt", "Display"]`.
pub(crate) type Names = Vec<String>;

/// A source file.
pub(crate) struct Source {
    /// From the repository's root: `src/domain/room.rs`.
    pub(crate) path: String,
    pub(crate) lines: usize,
    /// All of its code.
    pub(crate) code: Code,
    /// The same without what is compiled for tests alone.
    pub(crate) shipped: Code,
    pub(crate) items: Vec<Item>,
}

/// What stands in code, in macros too. Comments are left out.
#[derive(Default)]
pub(crate) struct Code {
    pub(crate) words: BTreeSet<String>,
    pub(crate) texts: Vec<String>,
    /// Of two segments and more; `a::{b, c::d}` holds two.
    pub(crate) paths: BTreeSet<Names>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let mut items = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}")).items;
        let code = Code::of(&items);
        if path.ends_with("/tests.rs") || path.contains("/tests/") {
            items.clear();
        }
        drop_tests(&mut items);
        let (path, lines) = (path.to_owned(), text.lines().count());
        Self { path, lines, code, shipped: Code::of(&items), items }
    }

    /// The modules down to the file: `["domain", "room"]`, and none for `src/lib.rs`.
    pub(crate) fn modules(&self) -> Names {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.split('/').filter(|name| !["lib", "mod"].contains(name)).map(str::to_owned).collect()
    }

    /// The module of the crate that the file belongs to: `domain` of `src/domain/room.rs`.
    pub(crate) fn module(&self) -> String {
        self.modules().into_iter().next().unwrap_or_else(|| "lib".to_owned())
    }
}

/// The module of the crate that a path in a file so deep names. A module inside of the file is one deeper.
pub(crate) fn module_named(path: &[String], depth: usize) -> Option<&str> {
    let up = path.iter().take_while(|name| *name == "super").count();
    let is_from_the_root = ["crate", "room_owner"].contains(&&*path[0]);
    let named = if is_from_the_root { path.get(1) } else { path.get(up) };
    named.filter(|_| is_from_the_root || [depth, depth + 1].contains(&up)).map(|name| &**name)
}

impl Code {
    fn of(items: &[Item]) -> Self {
        let mut code = Self::default();
        for item in items {
            code.read(item.to_token_stream());
        }
        code
    }

    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Ident(word) => {
                    at += self.path(vec![word.to_string()], &tokens[at..]);
                }
                TokenTree::Group(group) if !is_doc(&tokens[..at]) => self.read(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(syn::Lit::Str(text)) = syn::parse2(literal.to_token_stream()) {
                        self.texts.push(text.value());
                    }
                }
                TokenTree::Group(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    /// Reads on behind the first segments of a path. Says how many tokens that took.
    fn path(&mut self, mut names: Names, rest: &[TokenTree]) -> usize {
        self.words.extend(names.last().cloned());
        let mut at = 0;
        while let [TokenTree::Punct(one), TokenTree::Punct(two), next, ..] = &rest[at..]
            && (one.as_char(), two.as_char()) == (':', ':')
        {
            match next {
                TokenTree::Ident(word) => {
                    names.push(word.to_string());
                    self.words.extend(names.last().cloned());
                    at += 3;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in
                        inner.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ','))
                    {
                        if let [TokenTree::Ident(word), rest @ ..] = branch {
                            self.path([&names[..], &[word.to_string()]].concat(), rest);
                        }
                    }
                    return at + 3;
                }
                _ => break,
            }
        }
        if names.len() > 1 {
            self.paths.insert(names);
        }
        at
    }

    /// Whether it has a path with these segments in a row at its start.
    pub(crate) fn names(&self, start: &[&str]) -> bool {
        self.paths.iter().any(|path| path.len() >= start.len() && path.iter().zip(start).all(|(a, b)| a == b))
    }

    /// Whether it has a path that ends so.
    pub(crate) fn calls(&self, end: &[&str]) -> bool {
        self.paths.iter().any(|path| path.len() >= end.len() && path[path.len() - end.len()..] == *end)
    }
}

/// Whether the last of the tokens is the text of a doc comment.
fn is_doc(tokens: &[TokenTree]) -> bool {
    let Some((TokenTree::Group(group), before)) = tokens.split_last() else { return false };
    let is_attribute =
        matches!(before.last(), Some(TokenTree::Punct(p)) if ['#', '!'].contains(&p.as_char()));
    is_attribute && group.stream().to_string().starts_with("doc =")
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<&syn::Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        _ => None,
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let of_cfg = attribute.path().is_ident("cfg").then(|| attribute.parse_args::<syn::Path>().ok());
        of_cfg.flatten().is_some_and(|path| path.is_ident("test"))
    })
}

/// Drops what is compiled for tests alone.
fn drop_tests(items: &mut Vec<Item>) {
    items.retain(|item| !is_test(attributes(item)));
    for item in items {
        match item {
            Item::Mod(syn::ItemMod { content: Some((_, inner)), .. }) => drop_tests(inner),
            Item::Impl(item) => {
                item.items.retain(|item| !matches!(item, syn::ImplItem::Fn(item) if is_test(&item.attrs)));
            }
            _ => {}
        }
    }
}

/// Every source of the crate.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&repository("src"), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(repository("")).unwrap().to_string_lossy().replace('\\', "/");
            found.push(Source::new(&name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A module: what it defines, what it calls by which name, and the paths in its code.
#[derive(Default)]
struct Module {
    items: BTreeSet<String>,
    uses: BTreeMap<String, Names>,
    /// What `use x::*` takes from.
    all_of: Vec<Names>,
    paths: BTreeSet<Names>,
}

/// The modules of a crate by their paths, without tests.
#[derive(Default)]
pub(crate) struct Crate(BTreeMap<Names, Module>);

/// The names that a module takes from another one.
pub(crate) type Arrows = BTreeMap<(Names, Names), BTreeSet<String>>;

impl Crate {
    pub(crate) fn new(sources: &[Source]) -> Self {
        let mut all = Self::default();
        for source in sources.iter().filter(|source| source.path != "src/main.rs") {
            all.add(source.modules(), &source.items);
        }
        all
    }

    fn add(&mut self, path: Names, items: &[Item]) {
        let mut module = Module::default();
        let (mut own, mut handed_on) = (Code::default(), Module::default());
        for item in items {
            match item {
                Item::Mod(item) => {
                    if let Some((_, inner)) = &item.content {
                        self.add([&path[..], &[item.ident.to_string()]].concat(), inner);
                    }
                    continue;
                }
                Item::Use(item) => {
                    module.take(&item.tree, Vec::new());
                    if !matches!(item.vis, syn::Visibility::Inherited) {
                        handed_on.take(&item.tree, Vec::new());
                        continue;
                    }
                }
                _ => module.items.extend(name(item).map(syn::Ident::to_string)),
            }
            own.read(item.to_token_stream());
        }
        // What a module hands on is no dependency of its own, unless it uses it too.
        let used = handed_on.uses.into_keys().filter(|name| own.words.contains(name));
        module.paths = own.paths.into_iter().chain(used.map(|name| vec![name])).collect();
        self.0.insert(path, module);
    }

    /// Which module defines what `names` stands for in the module `from`; `None` if that is no item of the crate.
    fn defining(&self, from: &[String], names: &[String], depth: usize) -> Option<Names> {
        let (first, rest) = names.split_first().filter(|_| depth < 16)?;
        let module = self.0.get(from)?;
        match first.as_str() {
            "crate" => return self.defining(&[], rest, depth + 1),
            "self" => return self.defining(from, rest, depth + 1),
            "super" => return self.defining(&from[..from.len().checked_sub(1)?], rest, depth + 1),
            _ => {}
        }
        let child = [from, std::slice::from_ref(first)].concat();
        if self.0.contains_key(&child) && !rest.is_empty() {
            return self.defining(&child, rest, depth + 1);
        }
        if module.items.contains(first) {
            return Some(from.to_vec());
        }
        if let Some(used) = module.uses.get(first) {
            // `use self::a;` and `use a;` may stand for the module `a` itself.
            return self.defining(from, &[&used[..], rest].concat(), depth + 1);
        }
        module.all_of.iter().find_map(|used| self.defining(from, &[&used[..], names].concat(), depth + 1))
    }

    pub(crate) fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (from, module) in &self.0 {
            for names in &module.paths {
                if let Some(to) = self.defining(from, names, 0).filter(|to| to != from) {
                    let name = names.iter().rev().find(|name| self.0[&to].items.contains(*name));
                    arrows.entry((from.clone(), to)).or_default().extend(name.cloned());
                }
            }
        }
        arrows
    }
}

impl Module {
    fn take(&mut self, tree: &UseTree, mut before: Names) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.take(&path.tree, before);
            }
            UseTree::Name(name) if name.ident == "self" => {
                drop(self.uses.insert(before.last().cloned().unwrap_or_default(), before));
            }
            UseTree::Name(name) => {
                before.push(name.ident.to_string());
                self.uses.insert(name.ident.to_string(), before);
            }
            UseTree::Rename(name) => {
                before.push(name.ident.to_string());
                self.uses.insert(name.rename.to_string(), before);
            }
            UseTree::Glob(_) => self.all_of.push(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.take(tree, before.clone())),
        }
    }
}
