//! Text into HTML, safely; tables and figures around it.

use crate::report::phrase;

/// Stands in a cell for a figure that does not exist.
pub const NONE: &str = "–";

/// Text as it may stand between tags and in a quoted attribute. Names and reasons come from files and from other programs.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            letter => out.push(letter),
        }
    }
    out
}

/// Sentences of the terminal's report as HTML: as a page sets them, with units that stay beside their figures.
pub fn prose(text: &str) -> String {
    let mut text = format!(" {}", escape(text).replace("+-", "±").replace("   ", " · ").replace("  ", " "));
    for before in [" ", "[", "("] {
        for digit in '0'..='9' {
            text = text.replace(&format!("{before}-{digit}"), &format!("{before}−{digit}"));
        }
    }
    for unit in ["%", "pp", "ms", "s", "m", "GiB", "images/s", "queries/s", "blocks"] {
        for end in [" ", ",", ";", ".", ")", ":", "\n"] {
            text = text.replace(&format!(" {unit}{end}"), &format!("\u{a0}{unit}{end}"));
        }
        if let Some(head) = text.strip_suffix(&format!(" {unit}")) {
            text = format!("{head}\u{a0}{unit}");
        }
    }
    // The space in front was for signs at the beginning.
    text.trim_start().to_owned()
}

/// With so many decimals, and a true minus sign.
pub fn fixed(value: f64, decimals: usize) -> String {
    phrase::number(value, decimals).replace('-', "−")
}

/// As it was asked for: `80`, `0.5`.
pub fn asked(value: f64) -> String {
    phrase::short(value).replace('-', "−")
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Set to the right, in figures of one width.
    Figure(String),
    /// Set to the left; not escaped yet.
    Text(String),
}

impl Cell {
    /// A figure that may not exist.
    pub fn known(value: Option<f64>, decimals: usize) -> Self {
        Self::Figure(value.map_or_else(|| NONE.to_owned(), |value| fixed(value, decimals)))
    }

    /// A count.
    pub fn count(value: impl ToString) -> Self {
        Self::Figure(value.to_string())
    }

    /// A count that may not exist.
    pub fn counted(value: Option<u64>) -> Self {
        Self::Figure(value.map_or_else(|| NONE.to_owned(), |value| value.to_string()))
    }

    /// Words.
    pub fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }
}

/// A table; the first column names its rows.
#[derive(Debug)]
pub struct Table {
    caption: String,
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new(caption: &str, head: &[&'static str]) -> Self {
        Self { caption: caption.to_owned(), head: head.to_vec(), rows: Vec::new() }
    }

    /// Appends a row; the first cell names it.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table, in a box in which it scrolls by itself where the page is too narrow.
    pub fn html(&self) -> String {
        let caption = escape(&self.caption);
        let mut out = format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table>");
        out.push_str(&format!("<caption>{caption}</caption>\n<thead><tr>"));
        for (index, name) in self.head.iter().enumerate() {
            let words = self.rows.first().is_some_and(|row| matches!(row.get(index), Some(Cell::Text(_))));
            let class = if words || index == 0 { " class=\"t\"" } else { "" };
            out.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape(name)));
        }
        out.push_str("</tr></thead>\n<tbody>");
        for row in &self.rows {
            out.push_str("<tr>");
            for (index, cell) in row.iter().enumerate() {
                // End tags of cells may be left out, and there are thousands of cells.
                match cell {
                    Cell::Figure(text) | Cell::Text(text) if index == 0 => {
                        out.push_str(&format!("<th scope=\"row\">{}", escape(text)));
                    }
                    Cell::Figure(text) => out.push_str(&format!("<td>{}", escape(text))),
                    Cell::Text(text) => out.push_str(&format!("<td class=\"t\">{}", escape(text))),
                }
            }
            out.push('\n');
        }
        out.push_str("</tbody></table></div>\n");
        out
    }

    /// The table, folded away until it is asked for.
    pub fn folded(&self) -> String {
        let rows = phrase::count(self.rows.len() as u64, "row");
        fold(&format!("{} <span>{rows}</span>", escape(&self.caption)), &self.html())
    }
}

/// Something folded away; the summary is HTML.
pub fn fold(summary: &str, content: &str) -> String {
    format!("<details><summary>{summary}</summary>\n{content}</details>\n")
}

/// A figure: heading, explanation, content. The caption is text.
pub fn figure(id: &str, heading: &str, content: &str, caption: &str) -> String {
    format!(
        "<figure id=\"{id}\">\n<h3>{}</h3>\n<figcaption>{}</figcaption>\n{content}</figure>\n",
        escape(heading),
        escape(caption)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units are tied to what they measure, columns become dots, signs are true ones; and it is escaped.
    #[test]
    fn sentences() {
        assert_eq!(prose("2.9 % [1, 2]   n = 6, at +-1 pp"), "2.9\u{a0}% [1, 2] · n = 6, at ±1\u{a0}pp");
        assert_eq!(prose("-0.1, CI -0.4 to -2 [-1] n0-0"), "−0.1, CI −0.4 to −2 [−1] n0-0");
        assert_eq!(prose("% and no figure"), "% and no figure");
        assert_eq!(prose("<5 s, 20 ms>"), "&lt;5\u{a0}s, 20 ms&gt;");
    }

    /// Nothing of a text can end what it stands in, or begin anything.
    #[test]
    fn escaping() {
        assert_eq!(escape("a<b>&\"'\u{0}\n"), "a&lt;b&gt;&amp;&quot;&#39;\u{fffd}\n");
        assert_eq!((fixed(-0.04, 1), fixed(-1.25, 1), asked(0.1 + 0.2)), ("0.0".into(), "−1.2".into(), "0.3".into()));
    }
}
