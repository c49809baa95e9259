//! From bytes to runs: the header, then every row, each value checked where it stands.

use std::{collections::HashMap, num::NonZeroU32, str};

use csv::{ByteRecord, ReaderBuilder};

use super::{ImportError, shown};
use crate::{experiment::Metric, units::BlockId};

/// The largest file, in bytes: a million blocks of two arms take about 40 MB.
pub const LONGEST_FILE: u64 = 256 << 20;
/// The most rows, baselines included.
pub const MOST_RUNS: usize = 4_000_000;
/// The most arms, the baseline included: more are no arms, but a column of something else.
pub const MOST_ARMS: usize = 64;
/// Characters of an arm's name.
const LONGEST_NAME: usize = 64;
/// Between the two, the ratio of any two values is a number, and so is the inverse of any.
const SMALLEST: f64 = 1e-150;
const LARGEST: f64 = 1e150;
const EXAMPLE: &str =
    "a first line such as block,arm,position,throughput, then a row per run such as 1,baseline,2,112.6";

/// One run: one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Of the file, counted from 1.
    pub line: u64,
    /// Which runs belong together.
    pub block: BlockId,
    /// Index into [`Runs::arms`].
    pub arm: u16,
    /// Counted from 1 within the block; absent where the cell is empty.
    pub position: Option<NonZeroU32>,
    /// As written; finite and above 0, and so is its ratio to any other.
    pub value: f64,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs {
    /// Names, in the order in which they first appear.
    pub arms: Vec<String>,
    /// In the order of the file; at least one.
    pub runs: Vec<Run>,
    /// Names of the columns that nothing was read from.
    pub unused: Vec<String>,
    /// Where the position stands in a row, counted from 1.
    pub position_column: usize,
}

/// Where the four cells of a row stand, counted from 0.
struct Columns {
    block: usize,
    arm: usize,
    position: usize,
    value: usize,
    /// The value's name in the header.
    value_name: String,
    unused: Vec<String>,
    all: usize,
}

/// Reads a CSV file (RFC 4180; UTF-8, with a byte order mark or without; either end of line; spaces around a cell do not count).
///
/// # Errors
/// The first thing that is wrong, with its line and column.
pub fn read(bytes: &[u8], metric: Metric) -> Result<Runs, ImportError> {
    if bytes.len() as u64 > LONGEST_FILE {
        let why = format!("is longer than {} MiB", LONGEST_FILE >> 20);
        return Err(ImportError::file(why, "the columns block, arm, position and throughput alone"));
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut row = ByteRecord::new();
    let mut next = |row: &mut ByteRecord| match reader.read_byte_record(row) {
        Ok(there) => Ok(there.then(|| line_of(bytes, row))),
        Err(error) => Err(ImportError::file(format!("cannot be read: {error}"), EXAMPLE)),
    };
    let Some(line) = next(&mut row)? else {
        return Err(ImportError::file("is empty", EXAMPLE));
    };
    let columns = header(line, &row, metric)?;
    let mut found = Runs {
        arms: Vec::new(),
        runs: Vec::new(),
        unused: columns.unused.clone(),
        position_column: columns.position + 1,
    };
    let mut known: HashMap<String, u16> = HashMap::new();
    while let Some(line) = next(&mut row)? {
        if found.runs.len() == MOST_RUNS {
            return Err(ImportError::line(
                line,
                format!("is run {}", MOST_RUNS + 1),
                format!("at most {MOST_RUNS} runs"),
            ));
        }
        let read = Row { line, row: &row, columns: &columns };
        read.whole()?;
        let name = read.arm()?;
        let arm = match known.get(name) {
            Some(arm) => *arm,
            None if known.len() == MOST_ARMS => return Err(read.wrong(columns.arm, "arm", &TOO_MANY_ARMS)),
            None => {
                let arm = found.arms.len() as u16;
                known.insert(name.to_owned(), arm);
                found.arms.push(name.to_owned());
                arm
            }
        };
        let (block, position, value) = (read.block()?, read.position()?, read.value()?);
        found.runs.push(Run { line, block, arm, position, value });
    }
    if found.runs.is_empty() {
        return Err(ImportError::file("has a header, but no runs", EXAMPLE));
    }
    Ok(found)
}

/// The line that a row begins in. The reader counts blank lines before it to the row.
fn line_of(bytes: &[u8], row: &ByteRecord) -> u64 {
    let Some(position) = row.position() else { return 1 };
    let rest = bytes.get(position.byte() as usize..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

fn header(line: u64, row: &ByteRecord, metric: Metric) -> Result<Columns, ImportError> {
    let mut names = Vec::new();
    for (index, cell) in row.iter().enumerate() {
        let name =
            str::from_utf8(cell).map_err(|_| ImportError::cell(line, index + 1, "is not UTF-8", EXAMPLE))?.trim();
        // What a left-open quote swallowed would be lost as one long name.
        if name.contains(['\n', '\r', '"']) {
            let why = format!("{} holds a quote or the end of a line", shown(name));
            return Err(ImportError::cell(line, index + 1, why, EXAMPLE));
        }
        if let Some(before) = names.iter().position(|known| *known == name && !name.is_empty()) {
            let why = format!("{} is the name of column {} already", shown(name), before + 1);
            return Err(ImportError::cell(line, index + 1, why, "each column once"));
        }
        names.push(name);
    }
    let place = |wanted: &str| names.iter().position(|name| *name == wanted);
    let needed = |wanted: &str| {
        place(wanted).ok_or_else(|| {
            let other =
                if names.len() == 1 && names[0].contains([';', '\t']) { "; cells are parted by commas" } else { "" };
            ImportError::line(line, format!("the header has no column {wanted}{other}"), EXAMPLE)
        })
    };
    let (block, arm, position) = (needed("block")?, needed("arm")?, needed("position")?);
    let value = match (metric, place(metric.name()), place("value")) {
        (Metric::Throughput, ..) => needed(metric.name())?,
        (_, Some(_), Some(both)) => {
            let why = format!("there is a column {} beside the column value", metric.name());
            return Err(ImportError::cell(line, both + 1, why, "one of the two"));
        }
        (_, Some(only), None) | (_, None, Some(only)) => only,
        (_, None, None) => needed(metric.name())?,
    };
    let used = [block, arm, position, value];
    let unused = names
        .iter()
        .enumerate()
        .filter(|(index, _)| !used.contains(index))
        .map(|(index, name)| if name.is_empty() { format!("column {}", index + 1) } else { (*name).to_owned() });
    let (unused, value_name) = (unused.collect(), names[value].to_owned());
    Ok(Columns { block, arm, position, value, value_name, unused, all: names.len() })
}

/// Why a cell is refused.
struct Wrong {
    why: &'static str,
    accepted: &'static str,
}

const BAD_NAME: Wrong = Wrong {
    why: "it must be a name of up to 64 printable characters without quotes",
    accepted: "baseline for the runs alone, and such as beside for the others",
};
const TOO_MANY_ARMS: Wrong =
    Wrong { why: "it would be the 65th arm", accepted: "at most 64 arms, the same ones in each block" };
const BAD_BLOCK: Wrong = Wrong { why: "it must be a whole number from 1 on", accepted: "1 to 4294967295, such as 3" };
const BAD_POSITION: Wrong = Wrong {
    why: "it must be a whole number from 1 on",
    accepted: "the place of the run in its block's order, such as 2; or empty in every row, if it is not known",
};
const BAD_VALUE: Wrong = Wrong {
    why: "it must be finite and above 0",
    accepted: "1e-150 to 1e150, such as 112.6; a run that did nothing is a failed run: make its whole block again",
};

struct Row<'a> {
    line: u64,
    row: &'a ByteRecord,
    columns: &'a Columns,
}

impl<'a> Row<'a> {
    fn wrong(&self, index: usize, name: &str, wrong: &Wrong) -> ImportError {
        let found = shown(&String::from_utf8_lossy(self.row.get(index).unwrap_or_default()));
        ImportError::cell(self.line, index + 1, format!("{name} is {found}: {}", wrong.why), wrong.accepted)
    }

    /// As many cells as the header, none of which swallowed a line.
    fn whole(&self) -> Result<(), ImportError> {
        if self.row.len() != self.columns.all {
            let (found, wanted) = (self.row.len(), self.columns.all);
            let why = format!("has {found} cells, and the header has {wanted}");
            return Err(ImportError::line(self.line, why, "a cell for each column; a decimal point, not a comma"));
        }
        match self.row.iter().position(|cell| cell.iter().any(|byte| matches!(byte, b'\n' | b'\r'))) {
            None => Ok(()),
            Some(index) => {
                let why = "holds the end of a line: a quote was left open";
                Err(ImportError::cell(self.line, index + 1, why, "a quote at both ends of a cell, or at none"))
            }
        }
    }

    fn text(&self, index: usize) -> Option<&'a str> {
        str::from_utf8(self.row.get(index)?).ok().map(str::trim)
    }

    fn arm(&self) -> Result<&'a str, ImportError> {
        let index = self.columns.arm;
        let fits = |name: &&str| {
            !name.is_empty()
                && name.chars().count() <= LONGEST_NAME
                && !name.chars().any(|c| c.is_control() || c == '"')
        };
        self.text(index).filter(fits).ok_or_else(|| self.wrong(index, "arm", &BAD_NAME))
    }

    fn block(&self) -> Result<BlockId, ImportError> {
        let number = self.text(self.columns.block).and_then(whole_number);
        number.map(|number| BlockId(number.get())).ok_or_else(|| self.wrong(self.columns.block, "block", &BAD_BLOCK))
    }

    fn position(&self) -> Result<Option<NonZeroU32>, ImportError> {
        let index = self.columns.position;
        match self.text(index) {
            Some("") => Ok(None),
            text => text.and_then(whole_number).map(Some).ok_or_else(|| self.wrong(index, "position", &BAD_POSITION)),
        }
    }

    fn value(&self) -> Result<f64, ImportError> {
        let index = self.columns.value;
        let number = self.text(index).and_then(|text| text.parse::<f64>().ok());
        number
            .filter(|value| SMALLEST <= *value && *value <= LARGEST)
            .ok_or_else(|| self.wrong(index, &self.columns.value_name, &BAD_VALUE))
    }
}

/// Digits alone, at least 1.
fn whole_number(text: &str) -> Option<NonZeroU32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
