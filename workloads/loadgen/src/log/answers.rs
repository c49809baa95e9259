//! `mlperf_log_accuracy.json` and `mlperf_log_trace.json`: one entry for each answer, written by a thread of their own, so that neither the
//! generator nor the system waits for a disk.

use std::{
    fmt,
    fmt::Write as _,
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

/// Answers that may wait to be written; more hold up who answers.
const WAITING: usize = 65_536;

/// One answer. Times are in nanoseconds since the log was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of the sample, over the whole test.
    pub sample: u64,
    /// Of its query.
    pub query: u64,
    /// Index into the library.
    pub index: u32,
    /// When latency counts from.
    pub due_ns: u64,
    pub issued_ns: u64,
    pub done_ns: u64,
    /// Whether it belongs to the Server scenario, which shows how late it was issued.
    pub open_loop: bool,
    /// What was answered, where it is logged.
    pub data: Option<Vec<u8>>,
}

/// The two files, in the hands of a thread.
pub struct AnswerLog {
    answers: SyncSender<Answer>,
    writer: JoinHandle<io::Result<()>>,
}

impl fmt::Debug for AnswerLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerLog").finish_non_exhaustive()
    }
}

impl AnswerLog {
    /// Begins the files. The trace comes with the time in nanoseconds since 1970 that it counts from.
    ///
    /// # Errors
    /// Where no thread can be made.
    pub fn start(accuracy: Box<dyn Write + Send>, trace: Option<(Box<dyn Write + Send>, u64)>) -> io::Result<Self> {
        let (answers, received) = sync_channel(WAITING);
        let writer = thread::Builder::new().name("loadgen-log".to_owned());
        let writer = writer.spawn(move || write(&received, accuracy, trace))?;
        Ok(Self { answers, writer })
    }

    /// Where answers are sent to.
    pub fn sender(&self) -> SyncSender<Answer> {
        self.answers.clone()
    }

    /// Waits until everything is written. All other senders must be gone.
    ///
    /// # Errors
    /// The first that writing met.
    pub fn finish(self) -> io::Result<()> {
        drop(self.answers);
        self.writer.join().unwrap_or_else(|_| Err(io::Error::other("the writing thread failed")))
    }
}

fn write(
    answers: &Receiver<Answer>,
    mut accuracy: Box<dyn Write + Send>,
    mut trace: Option<(Box<dyn Write + Send>, u64)>,
) -> io::Result<()> {
    let pid = rustix::process::getpid().as_raw_nonzero();
    accuracy.write_all(b"[")?;
    if let Some((trace, _)) = &mut trace {
        trace.write_all(b"{\"traceEvents\":[\n")?;
    }
    let mut comma = "";
    for answer in answers {
        if let Some(data) = &answer.data {
            let Answer { sample, index, .. } = &answer;
            let mut hex = String::with_capacity(2 * data.len());
            for byte in data {
                // Writing to a string cannot fail.
                let _ = write!(hex, "{byte:02X}");
            }
            write!(accuracy, "{comma}\n{{ \"seq_id\" : {sample}, \"qsl_idx\" : {index}, \"data\" : \"{hex}\" }}")?;
            comma = ",";
        }
        if let Some((trace, _)) = &mut trace {
            trace.write_all(events(&answer, pid.get()).as_bytes())?;
        }
    }
    accuracy.write_all(b"\n]\n")?;
    accuracy.flush()?;
    if let Some((trace, unix_ns)) = &mut trace {
        let version = concat!("jostle-loadgen ", env!("CARGO_PKG_VERSION"));
        write!(
            trace,
            "{{\"name\":\"LastTrace\"}}\n],\n\"displayTimeUnit\":\"ns\",\n\"otherData\":{{\n\"ts\":{},\n\"version\":\"{version}\"\n}}\n}}\n",
            Micros(*unix_ns)
        )?;
        trace.flush()?;
    }
    Ok(())
}

/// The events of one answer, in Chrome's trace format.
fn events(answer: &Answer, pid: i32) -> String {
    let Answer { sample, query, index, due_ns, issued_ns, done_ns, .. } = *answer;
    let (delay, latency) = (issued_ns.saturating_sub(due_ns), done_ns.saturating_sub(due_ns));
    let mut text = String::new();
    // Writing to a string cannot fail.
    if answer.open_loop {
        let _ = writeln!(
            text,
            "{{\"name\":\"Latency\",\"ph\": \"C\",\"pid\":{pid},\"ts\":{},\"args\":{{ \"issue_delay\":{delay},\"issue_to_done\":{}}}}},",
            Micros(due_ns),
            done_ns.saturating_sub(issued_ns),
        );
    }
    let _ = writeln!(
        text,
        "{{\"name\":\"Sample\",\"cat\":\"default\",\"ph\":\"b\",\"pid\":{pid},\"id\":{sample},\"ts\":{},\"args\":{{\"sample_seq\":{sample},\
         \"query_seq\":{query},\"sample_idx\":{index},\"issue_start_ns\":{delay},\"complete_ns\":{latency}}}}},",
        Micros(due_ns),
    );
    let _ = writeln!(
        text,
        "{{\"name\":\"Sample\",\"cat\":\"default\",\"ph\":\"e\", \"pid\":{pid},\"id\":{sample},\"ts\":{}}},",
        Micros(done_ns)
    );
    text
}

/// Nanoseconds as microseconds with three decimals.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}
