//! The official package in a process of its own: a test in, what it did out (`package.py`).

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use jostle_loadgen::settings::TestSettings;
use serde_json::{Map, Value, json};

/// A test that both are given.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub settings: TestSettings,
    pub total: u64,
    pub performance: u64,
    /// Whether the official package traces: only so its scheduled times and latencies are known.
    pub trace: bool,
    /// How the official package's system under test answers; at once where nothing is said.
    pub service: Option<Service>,
}

/// Answers that take time.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// After the query came.
    pub ns: u64,
    /// Spread over that time.
    pub parts: u64,
    /// After the query before it was answered, instead.
    pub one_by_one: bool,
}

impl Case {
    /// As the official package is told.
    fn line(&self) -> String {
        let Self { settings, total, performance, trace, service, .. } = self;
        let test = json!({
            "settings": named(settings),
            "total": total,
            "performance": performance,
            "trace": trace,
            "service": service.map(|s| json!({ "ns": s.ns, "parts": s.parts, "one_by_one": s.one_by_one })),
        });
        test.to_string()
    }
}

/// Settings by LoadGen's names, those that are not its defaults: an older package does not know every name.
fn named(s: &TestSettings) -> Map<String, Value> {
    let (mut named, default) = (fields(s), fields(&TestSettings::default()));
    named.retain(|name, value| default.get(name) != Some(value));
    named.insert("scenario".to_owned(), json!(s.scenario.to_string()));
    named.insert("mode".to_owned(), json!(s.mode.to_string()));
    named
}

/// All settings that both have, by LoadGen's names, but for scenario and mode.
pub fn fields(s: &TestSettings) -> Map<String, Value> {
    macro_rules! fields {
        ($s:expr, $($field:ident),* $(,)?) => {
            Map::from_iter([$((stringify!($field).to_owned(), json!($s.$field))),*])
        };
    }
    fields!(
        s,
        single_stream_expected_latency_ns,
        single_stream_target_latency_percentile,
        multi_stream_expected_latency_ns,
        multi_stream_target_latency_percentile,
        multi_stream_samples_per_query,
        server_target_qps,
        server_target_latency_ns,
        server_target_latency_percentile,
        server_coalesce_queries,
        server_find_peak_qps_decimals_of_precision,
        server_find_peak_qps_boundary_step_size,
        server_max_async_queries,
        offline_expected_qps,
        sample_concatenate_permutation,
        min_duration_ms,
        max_duration_ms,
        min_query_count,
        max_query_count,
        qsl_rng_seed,
        sample_index_rng_seed,
        schedule_rng_seed,
        accuracy_log_rng_seed,
        accuracy_log_probability,
        accuracy_log_sampling_target,
        test05,
        test05_qsl_rng_seed,
        test05_sample_index_rng_seed,
        test05_schedule_rng_seed,
        print_timestamps,
        performance_issue_unique,
        performance_issue_same,
        performance_issue_same_index,
        performance_sample_count_override,
        accuracy_sample_count_override,
    )
}

/// A running package; killed when dropped.
pub struct Package {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Package {
    /// Installs `version` into the cache where it is not there yet, and starts it.
    pub fn start(version: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let pins = here.join(format!("tests/official/pins/{version}.txt"));
        let installed =
            Command::new(here.join("../../.ci/python.sh")).arg(pins).stderr(Stdio::inherit()).output().unwrap();
        assert!(installed.status.success(), "the official package {version} cannot be installed: see above");
        let mut command = Command::new("python3");
        command.arg(here.join("tests/official/package.py"));
        command.env("PYTHONPATH", String::from_utf8(installed.stdout).unwrap().trim_end());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// Lets it run a test.
    pub fn run(&mut self, case: &Case) -> Value {
        self.ask(&case.line())
    }

    /// Gives it a line, and returns what it says.
    pub fn ask(&mut self, test: &str) -> Value {
        writeln!(self.input, "{test}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in what {test:.300} came to: {line:.300}"))
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
