//! The report as `report.json`.

use serde::Serialize;

/// A report, indented, with a last line break; a list of plain values stands on one line. The same report gives the same bytes.
///
/// # Errors
/// None that is known; the writer's own.
pub fn to_json(report: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = plain_lists_on_one_line(&serde_json::to_string_pretty(report)?);
    text.push('\n');
    Ok(text)
}

/// Thousands of lines of one number each would be of no use to anybody. In indented JSON a line break is never part of a string, and
/// only what opens a list or an object ends in a bracket.
fn plain_lists_on_one_line(indented: &str) -> String {
    let mut out = String::with_capacity(indented.len());
    // The list that was opened last, as far as nothing but plain values has come since.
    let mut list: Vec<&str> = Vec::new();
    for line in indented.lines() {
        let trimmed = line.trim_start();
        match list.first() {
            Some(_) if trimmed.starts_with(']') => {
                out.push_str(list.remove(0));
                out.push_str(&list.join(" "));
                out.push_str(trimmed);
                out.push('\n');
                list.clear();
            }
            _ if line.ends_with(['[', '{']) || list.is_empty() => {
                list.drain(..).for_each(|held| end(&mut out, held));
                if line.ends_with('[') { list.push(line) } else { end(&mut out, line) }
            }
            _ => list.push(trimmed),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn end(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists of plain values are joined, whatever stands in their strings; nothing else moves, and nothing is lost.
    #[test]
    fn only_plain_lists_are_joined() {
        let value = serde_json::json!({
            "a": [1.5, null, "x[", "]\n{"], "b": [], "c": [[1, 2], [3]], "d": [{"e": [true]}, {"f": {}}], "g": "["
        });
        let text = plain_lists_on_one_line(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        assert_eq!(text.lines().nth(1), Some(r#"  "a": [1.5, null, "x[", "]\n{"],"#));
        assert!(text.contains("\n  \"c\": [\n    [1, 2],\n    [3]\n  ],\n"), "{text}");
    }
}
