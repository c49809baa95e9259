//! Rust text -> the paths that it names. Enough of a reader for imports: comments, literals and test items are dropped, `use` trees are
//! spread out, and `self`, `super` and child modules are resolved.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// One file, and what it names.
pub struct Source {
    /// Below `src`.
    pub file: String,
    /// `crate::metrics::prometheus`
    pub module: String,
    /// `crate::units::Timestamp`, `tokio::time::sleep`
    pub paths: BTreeSet<String>,
}

/// Every `.rs` file below `root`.
pub fn read_tree(root: &Path) -> Vec<Source> {
    let mut folders = vec![PathBuf::from(root)];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                texts.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    read_all(texts)
}

/// The same from memory: file name below `src`, text.
pub fn read_all(texts: Vec<(String, String)>) -> Vec<Source> {
    let modules: BTreeSet<String> = texts.iter().map(|(file, _)| module_of(file)).collect();
    let mut tests = Vec::new();
    let mut sources = Vec::new();
    for (file, text) in texts {
        let module = module_of(&file);
        let mut tokens = tokens(&text);
        tests.extend(drop_tests(&mut tokens).into_iter().map(|child| format!("{module}::{child}")));
        let paths = paths(&tokens).into_iter().map(|path| resolve(&path, &module, &modules)).collect();
        sources.push(Source { file, module, paths });
    }
    sources.retain(|s| !tests.iter().any(|t| s.module == *t || s.module.starts_with(&format!("{t}::"))));
    sources
}

fn module_of(file: &str) -> String {
    match file.trim_end_matches(".rs") {
        "lib" => "crate".into(),
        name => format!("crate::{}", name.replace('/', "::")),
    }
}

/// Words, `::`, and every other sign by itself; comments and literals are gone.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = string_literal(rest) {
            tokens.push("\"".into());
            length
        } else if c == '\'' {
            char_literal(rest)
        } else if rest.starts_with("::") {
            tokens.push("::".into());
            2
        } else if c.is_alphanumeric() || c == '_' {
            let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            tokens.push(rest[..length].into());
            length
        } else {
            if !c.is_whitespace() {
                tokens.push(c.into());
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the string literal that begins here, with its prefix.
fn string_literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|p| {
        let after = text.strip_prefix(p).map(|rest| rest.trim_start_matches(if p.ends_with('r') { '#' } else { '"' }));
        after.is_some_and(
            |after| if p.ends_with('r') { after.starts_with('"') } else { text[p.len()..].starts_with('"') },
        )
    })?;
    let body = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.find('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let inner = &body[hashes + 1..];
        return Some(prefix.len() + hashes + 1 + inner.find(&end).map_or(inner.len(), |at| at + end.len()));
    }
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Some(prefix.len() + at + 1),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    Some(text.len())
}

/// The length of the character literal, or 1 for the mark of a lifetime.
fn char_literal(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(text.len(), |at| at + 4),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

/// Removes every item below `#[cfg(test)]`; returns the modules among them that lie in files of their own.
fn drop_tests(tokens: &mut Vec<String>) -> Vec<String> {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut files = Vec::new();
    while let Some(start) = tokens.windows(attribute.len()).position(|w| w.iter().eq(attribute)) {
        let item = start + attribute.len();
        let (mut depth, mut end) = (0, item);
        while let Some(token) = tokens.get(end) {
            end += 1;
            match token.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && (token == ";" || token == "}") {
                break;
            }
        }
        if let Some(at) = tokens[item..end].iter().position(|t| t == "mod")
            && tokens[end - 1] == ";"
        {
            files.push(tokens[item + at + 1].clone());
        }
        tokens.drain(start..end);
    }
    files
}

/// Every path of more than one word, and every `use`, spread out.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let starts_use = tokens[at] == "use";
        let starts_path = is_word(&tokens[at]) && tokens.get(at + 1).is_some_and(|t| t == "::");
        if starts_use {
            at = tree(tokens, at + 1, &[], &mut found);
        } else if starts_path {
            at = tree(tokens, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one path or use tree from `at`; returns where it ends.
fn tree(tokens: &[String], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(at) {
        if token == "::" {
            at += 1;
        } else if token == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|t| t != "}") {
                let next = tree(tokens, at, &path, found);
                // Past the comma, or whatever else could not be read.
                at = if tokens.get(next).is_some_and(|t| t == "}") { next } else { next + 1 };
            }
            return at + 1;
        } else if is_word(token) {
            path.push(token.clone());
            at += 1;
            if tokens.get(at).is_none_or(|t| t != "::") {
                break;
            }
        } else {
            break;
        }
    }
    if tokens.get(at).is_some_and(|t| t == "as") {
        at += 2;
    }
    found.push(path);
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// From `crate` or an outside crate's name down.
fn resolve(path: &[String], module: &str, modules: &BTreeSet<String>) -> String {
    let mut words = path.iter().map(String::as_str).peekable();
    let mut base = match words.peek() {
        Some(&"crate" | &"jostle") => {
            words.next();
            String::from("crate")
        }
        Some(&"self" | &"super") => String::from(module),
        Some(child) if modules.contains(&format!("{module}::{child}")) => String::from(module),
        _ => return path.join("::"),
    };
    for word in words {
        match word {
            "self" => {}
            "super" => base.truncate(base.rfind("::").unwrap_or(base.len())),
            _ => base = format!("{base}::{word}"),
        }
    }
    base
}
