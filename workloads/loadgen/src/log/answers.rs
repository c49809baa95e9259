//! `mlperf_log_accuracy.json` and `mlperf_log_trace.json`: one entry for each answer, written by a thread of their own. Neither the generator nor
//! the system waits for a disk, until 64 MiB of answers do.

use std::{
    fmt,
    fmt::Write as _,
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use super::{LogError, file::LogFile};

/// Bytes of answers that may wait to be written; more hold up who answers.
const WAITING: usize = 64 << 20;
/// What an answer takes beside its data.
const OVERHEAD: usize = size_of::<Answer>();

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

impl Answer {
    fn size(&self) -> usize {
        OVERHEAD + self.data.as_ref().map_or(0, Vec::len)
    }
}

/// How many bytes wait.
#[derive(Debug, Default)]
struct Backlog {
    bytes: Mutex<usize>,
    less: Condvar,
}

impl Backlog {
    /// Waits until there is room. One answer has room alone, however large.
    fn add(&self, size: usize) {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |bytes: &mut usize| *bytes > 0 && *bytes + size > WAITING;
        let mut bytes = self.less.wait_while(bytes, full).unwrap_or_else(PoisonError::into_inner);
        *bytes += size;
    }

    fn remove(&self, size: usize) {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) -= size;
        self.less.notify_all();
    }
}

/// Where answers are sent to.
#[derive(Clone, Debug)]
pub(crate) struct AnswerSender {
    channel: Sender<Answer>,
    backlog: Arc<Backlog>,
}

impl AnswerSender {
    pub fn send(&self, answer: Answer) {
        self.backlog.add(answer.size());
        // The writer receives until the last sender is gone.
        let _received = self.channel.send(answer);
    }
}

/// The two files, in the hands of a thread.
#[derive(Debug)]
pub struct AnswerLog {
    answers: AnswerSender,
    writer: JoinHandle<Result<(), LogError>>,
}

impl AnswerLog {
    /// Begins the files. The trace comes with the time in nanoseconds since 1970 that it counts from.
    pub(crate) fn start(accuracy: LogFile, trace: Option<(LogFile, u64)>) -> io::Result<Self> {
        let (channel, received) = channel();
        let backlog = Arc::new(Backlog::default());
        let room = Arc::clone(&backlog);
        let writer = thread::Builder::new().name("loadgen-log".to_owned());
        let writer = writer.spawn(move || write(&received, &room, accuracy, trace))?;
        Ok(Self { answers: AnswerSender { channel, backlog }, writer })
    }

    pub(crate) fn sender(&self) -> AnswerSender {
        self.answers.clone()
    }

    /// Waits until everything is written. All other senders must be gone.
    pub(crate) fn finish(self) -> Result<(), LogError> {
        drop(self.answers);
        let failed = || LogError { path: "accuracy and trace".into(), source: io::Error::other("their thread failed") };
        self.writer.join().unwrap_or_else(|_| Err(failed()))
    }
}

fn write(
    answers: &Receiver<Answer>,
    backlog: &Backlog,
    mut accuracy: LogFile,
    mut trace: Option<(LogFile, u64)>,
) -> Result<(), LogError> {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    accuracy.write_bytes(b"[");
    if let Some((trace, _)) = &mut trace {
        trace.write_bytes(b"{\"traceEvents\":[\n");
    }
    let mut comma = "";
    for answer in answers {
        if let Some(data) = &answer.data {
            let Answer { sample, index, .. } = &answer;
            accuracy.write(format_args!("{comma}\n{{ \"seq_id\" : {sample}, \"qsl_idx\" : {index}, \"data\" : \""));
            accuracy.write_bytes(&hexadecimal(data));
            accuracy.write_bytes(b"\" }");
            comma = ",";
        }
        if let Some((trace, _)) = trace.as_mut().filter(|(trace, _)| !trace.is_broken()) {
            trace.write_bytes(events(&answer, pid).as_bytes());
        }
        backlog.remove(answer.size());
    }
    accuracy.write_bytes(b"\n]\n");
    let accuracy = accuracy.finish();
    let trace = trace.map_or(Ok(()), |(mut trace, unix_ns)| {
        let (start, version) = (Micros(unix_ns), concat!("jostle-loadgen ", env!("CARGO_PKG_VERSION")));
        trace.write(format_args!(
            "{{\"name\":\"LastTrace\"}}\n],\n\"displayTimeUnit\":\"ns\",\n\"otherData\":{{\n\"ts\":{start},\n\"version\":\"{version}\"\n}}\n}}\n"
        ));
        trace.finish()
    });
    accuracy.and(trace)
}

fn hexadecimal(data: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    data.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| DIGITS[usize::from(half)]).collect()
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
