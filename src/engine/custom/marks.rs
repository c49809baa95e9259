//! One copy's standard output becomes marks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use regex::Regex;

use crate::{
    clock::{Clock as _, RealClock},
    copies::Output,
    engine::Mark,
    experiment::Counts,
    refusal::Refusal,
    units::{NodeId, Timestamp},
};

/// Lines that come closer are told as one mark, at the time of the last: a chatty command must not fill the record.
const TOGETHER: Duration = Duration::from_millis(50);
/// Of a line, in an error.
const SHOWN: usize = 120;

/// Reads one copy.
#[derive(Debug)]
pub struct Reader {
    node: NodeId,
    regex: String,
    heard: Arc<Mutex<Heard>>,
}

impl Reader {
    /// Reads `output` until it ends.
    ///
    /// # Errors
    /// Where `regex` is none; an experiment's is one.
    pub fn start(node: NodeId, output: Output, regex: &str, counts: Counts, clock: RealClock) -> Result<Self, Refusal> {
        let compiled = Regex::new(regex).map_err(|error| Refusal::new("progress.regex", error.to_string()))?;
        let heard = Arc::new(Mutex::new(Heard::new(node, compiled, counts)));
        let shared = heard.clone();
        drop(output.each_line(move |line| {
            shared.lock().unwrap_or_else(PoisonError::into_inner).line(line, clock.now());
        }));
        Ok(Self { node, regex: regex.to_owned(), heard })
    }

    /// Marks since the last call.
    ///
    /// # Errors
    /// A line that cannot be progress.
    pub fn take(&mut self) -> Result<Vec<Mark>, Refusal> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match &heard.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(std::mem::take(&mut heard.marks)),
        }
    }

    /// By now there must have been progress.
    ///
    /// # Errors
    /// Where there was none: what was said instead.
    pub fn must_have_spoken(&self, within: Duration) -> Result<(), Refusal> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.matched {
            return Ok(());
        }
        let said = match heard.lines {
            0 => "it wrote none".to_owned(),
            lines => format!("it wrote {lines}, the last one {:?}", heard.last),
        };
        let why = format!(
            "no line of its standard output matched progress.regex '{}' in its first {} s ({said})",
            self.regex,
            within.as_secs_f64()
        );
        Err(of_copy(self.node, why).accepting(
            "a command that tells its progress before the window opens, unbuffered where it writes to a pipe (stdbuf -oL, \
             python3 -u), and a regex for it such as '^done (\\d+)$'",
        ))
    }
}

/// In the name of the copy on `node`.
fn of_copy(node: NodeId, why: String) -> Refusal {
    Refusal::new(format!("executor-{node}"), why)
}

/// What one copy has said.
#[derive(Debug)]
struct Heard {
    node: NodeId,
    regex: Regex,
    counts: Counts,
    marks: Vec<Mark>,
    /// When the last mark's first line came.
    opened: Timestamp,
    total: f64,
    lines: u64,
    last: String,
    matched: bool,
    fault: Option<Refusal>,
}

impl Heard {
    fn new(node: NodeId, regex: Regex, counts: Counts) -> Self {
        Self {
            node,
            regex,
            counts,
            marks: Vec::new(),
            opened: Timestamp(0),
            total: 0.0,
            lines: 0,
            last: String::new(),
            matched: false,
            fault: None,
        }
    }

    fn line(&mut self, line: &str, now: Timestamp) {
        self.lines += 1;
        self.last = line.chars().take(SHOWN).collect();
        let Some(text) =
            self.regex.captures(line).and_then(|found| found.get(1)).map(|group| group.as_str().to_owned())
        else {
            return;
        };
        match self.number(&text) {
            Ok(value) => self.mark(value, now),
            // The first thing that went wrong is the one to tell.
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
        self.matched = true;
    }

    /// The mark's value: progress since the copy began, or one reading.
    fn number(&mut self, text: &str) -> Result<f64, Refusal> {
        let (node, line) = (self.node, &self.last);
        let Some(number) = text.trim().parse::<f64>().ok().filter(|number| number.is_finite()) else {
            let why = format!("its line {line:?} matched progress.regex, but {text:?} is no number");
            return Err(
                of_copy(node, why).accepting("a group around the digits alone, for example regex: '^done (\\d+)$'")
            );
        };
        match self.counts {
            Counts::Total if self.matched && number < self.total => {
                let why = format!("its progress went backwards, from {} to {number} in the line {line:?}", self.total);
                Err(of_copy(node, why).accepting(
                    "a number that only grows, or counts: each where every line tells what was done since the one before",
                ))
            }
            Counts::Each if number < 0.0 => {
                let why = format!("its progress went backwards, by {number} in the line {line:?}");
                Err(of_copy(node, why).accepting("numbers from 0 on"))
            }
            Counts::Reading if number <= 0.0 => {
                let why = format!("its line {line:?} tells a latency of {number}");
                Err(of_copy(node, why).accepting("readings above 0"))
            }
            Counts::Total => {
                self.total = number;
                Ok(number)
            }
            Counts::Each => {
                self.total += number;
                Ok(self.total)
            }
            Counts::Reading => Ok(number),
        }
    }

    fn mark(&mut self, value: f64, now: Timestamp) {
        match self.marks.last_mut() {
            Some(mark) if now.since(self.opened) < TOGETHER => {
                mark.value = match self.counts {
                    Counts::Total | Counts::Each => value,
                    Counts::Reading => mark.value + (value - mark.value) / f64::from(mark.count + 1),
                };
                mark.count = mark.count.saturating_add(1);
                mark.at = now;
            }
            _ => {
                self.opened = now;
                self.marks.push(Mark { node: Some(self.node), at: now, value, count: 1 });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::HostId;

    fn heard(counts: Counts, lines: &[(u64, &str)]) -> Heard {
        let node = NodeId { host: HostId(0), index: 0 };
        let mut heard = Heard::new(node, Regex::new(r"^done (\S+)$").unwrap(), counts);
        for (milliseconds, line) in lines {
            heard.line(line, Timestamp(milliseconds * 1_000_000));
        }
        heard
    }

    fn values(heard: &Heard) -> Vec<(u64, f64, u32)> {
        heard.marks.iter().map(|mark| (mark.at.0 / 1_000_000, mark.value, mark.count)).collect()
    }

    /// Totals are taken, steps are added, readings are averaged; lines within 50 ms are one mark at the last one's time.
    #[test]
    fn lines_become_marks() {
        let lines = [(0, "start"), (100, "done 2"), (120, "done 4"), (140, "noise"), (200, "done 6")];
        assert_eq!(values(&heard(Counts::Total, &lines)), [(120, 4.0, 2), (200, 6.0, 1)]);
        assert_eq!(values(&heard(Counts::Each, &lines)), [(120, 6.0, 2), (200, 12.0, 1)]);
        assert_eq!(values(&heard(Counts::Reading, &lines)), [(120, 3.0, 2), (200, 6.0, 1)]);
    }

    /// What cannot be progress is a fault, and the first one stays.
    #[test]
    fn faults() {
        let fault =
            |counts, text: &str| heard(counts, &[(0, "done 5"), (1, text), (2, "done x")]).fault.unwrap().one_line();
        assert!(fault(Counts::Total, "done 3").contains("backwards, from 5 to 3"));
        assert!(fault(Counts::Each, "done -3").contains("backwards"));
        assert!(fault(Counts::Reading, "done 0").contains("above 0"));
        assert!(fault(Counts::Total, "done well").contains("\"well\" is no number"));
        assert!(fault(Counts::Total, "done NaN").contains("no number"));
        assert!(fault(Counts::Each, "done 0").contains("\"x\" is no number"));
        assert_eq!(heard(Counts::Total, &[(0, "done 5"), (9, "done 5"), (80, "done 1e3")]).fault, None);
    }
}
