//! The harness's command line, and what it means: a kernel, and LoadGen's settings.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use jostle_loadgen::{
    conf::{Author, Conf, Reading},
    settings::{self, Edition, Scenario, TestSettings},
};
use jostle_protocol::{
    installed,
    kernel::{KernelSpec, Network},
};

use super::HarnessError;

/// What is found out.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Mode {
    /// Accuracy, then performance
    Submission,
    /// Every sample once, answers logged
    Accuracy,
    /// Latency or throughput
    Performance,
    /// The highest rate of the server scenario within the latency bound
    FindPeak,
}

impl From<Mode> for settings::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Submission => Self::SubmissionRun,
            Mode::Accuracy => Self::AccuracyOnly,
            Mode::Performance => Self::PerformanceOnly,
            Mode::FindPeak => Self::FindPeakPerformance,
        }
    }
}

/// Whatever is not given is LoadGen's default, or what the configuration files say.
#[derive(Args, Debug)]
pub struct TestArguments {
    /// How queries come: server, offline, single-stream or multi-stream
    #[arg(long)]
    scenario: Scenario,
    /// What answers them: mobilenetv2, resnet50, spin, or a TorchScript program (FILE.pt)
    #[arg(long)]
    model: String,
    /// What is found out [default: performance]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Pictures, one sub-folder per class [default: those that `make setup` fetched]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Side of a picture in pixels
    #[arg(long, value_name = "N", default_value_t = 224)]
    image_size: u32,
    /// CPU time of a sample; spin only
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = humantime::parse_duration)]
    spin_cost: Duration,
    /// Threads that answer, each with a copy of the network
    #[arg(long, value_name = "N", default_value = "1")]
    pub workers: std::num::NonZeroU8,
    /// Queries per second of server; samples per second expected of offline
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    qps: Option<f64>,
    /// Latency expected of single-stream and multi-stream: how many queries are ready depends on it
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expected_latency: Option<Duration>,
    /// Latency bound of server
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    target_latency: Option<Duration>,
    /// Of the latency that is reported, or bounded: a fraction, for example 0.99
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    percentile: Option<f64>,
    /// Of multi-stream
    #[arg(long, value_name = "N")]
    samples_per_query: Option<u64>,
    /// It ends when this and the least count are met
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    min_duration: Option<Duration>,
    /// It ends early after this, invalid
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    max_duration: Option<Duration>,
    /// It ends when this and the least duration are met; of offline: samples
    #[arg(long, value_name = "N")]
    min_query_count: Option<u64>,
    /// It ends early after so many, invalid
    #[arg(long, value_name = "N")]
    max_query_count: Option<u64>,
    /// Samples that count as fitting into memory [default: all]
    #[arg(long, value_name = "N")]
    pub performance: Option<u32>,
    /// Which samples are loaded; of a seed the low 32 bits count
    #[arg(long, value_name = "SEED")]
    qsl_seed: Option<u64>,
    /// In which order they are asked for
    #[arg(long, value_name = "SEED")]
    sample_seed: Option<u64>,
    /// When, in the server scenario
    #[arg(long, value_name = "SEED")]
    schedule_seed: Option<u64>,
    /// Whose sample set: 5.1 or 6.0
    #[arg(long, value_name = "VERSION", default_value = "6.0")]
    edition: Edition,
    /// Start from the rules of MLPerf inference v6.0 for the model (ten minutes and more), not from LoadGen's defaults
    #[arg(long)]
    rules: bool,
    /// Lines of `model.scenario.key = value` over that
    #[arg(long, value_name = "FILE")]
    user_conf: Option<PathBuf>,
    /// Pass over what is unknown in FILE, as the official package does
    #[arg(long, requires = "user_conf")]
    lenient: bool,
    /// Existing folder for the four log files
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub log_dir: PathBuf,
    /// Leave the trace empty: it is the largest of them
    #[arg(long)]
    pub no_trace: bool,
}

impl TestArguments {
    /// What the workers compute.
    pub fn kernel(&self) -> Result<KernelSpec, HarnessError> {
        let (network, weights) = match self.model.as_str() {
            "mobilenetv2" => (Network::Mobilenetv2, Some(installed::mobilenetv2())),
            "resnet50" => (Network::Resnet50, None),
            "spin" => (Network::Spin, None),
            file if file.ends_with(".pt") => (Network::Torchscript, Some(file.into())),
            other => {
                let accepted = "accepted: mobilenetv2, resnet50, spin, or a file that ends in .pt";
                return Err(HarnessError::Arguments(format!("--model {other}: no such network; {accepted}")));
            }
        };
        let spin = network == Network::Spin;
        Ok(KernelSpec {
            network,
            image_size: self.image_size,
            folder: (!spin).then(|| self.images.clone().unwrap_or_else(installed::pictures)),
            weights,
            seed: 0,
            spin_cost_us: spin.then_some(self.spin_cost.as_micros() as u64),
        })
    }

    /// LoadGen's settings: defaults, rules, the user's file, the command line, in this order.
    pub fn settings(&self) -> Result<TestSettings, HarnessError> {
        let mut s = TestSettings::new(self.scenario);
        if self.rules {
            let of_rules = |error| HarnessError::Conf { path: "mlperf.conf".into(), error };
            let rules = Conf::mlperf().map_err(of_rules)?;
            rules.apply(&mut s, &self.model).map_err(of_rules)?;
        }
        if let Some(path) = &self.user_conf {
            let text = fs::read_to_string(path).map_err(|error| HarnessError::File { path: path.clone(), error })?;
            let reading = if self.lenient { Reading::Lenient } else { Reading::Strict };
            let wrong = |error| HarnessError::Conf { path: path.clone(), error };
            let conf = Conf::parse(&text, Author::User, reading).map_err(wrong)?;
            conf.apply(&mut s, &self.model).map_err(wrong)?;
            for ignored in conf.ignored() {
                // Nobody may be left to hear it.
                drop(writeln!(io::stderr(), "jostle-inference: passed over {}: {ignored}", path.display()));
            }
        }
        s.mode = self.mode.map_or(s.mode, settings::Mode::from);
        self.override_rates(&mut s)?;
        self.override_limits(&mut s)?;
        Ok(s)
    }

    fn override_rates(&self, s: &mut TestSettings) -> Result<(), HarnessError> {
        let misplaced = |flag: &str| {
            let why = format!("{flag} means nothing to the {} scenario; leave it out", self.scenario);
            Err(HarnessError::Arguments(why))
        };
        if let Some(qps) = self.qps {
            match self.scenario {
                Scenario::Server => s.server_target_qps = qps,
                Scenario::Offline => s.offline_expected_qps = qps,
                Scenario::SingleStream | Scenario::MultiStream => return misplaced("--qps"),
            }
        }
        if let Some(latency) = self.expected_latency {
            match self.scenario {
                Scenario::SingleStream => s.single_stream_expected_latency_ns = latency.as_nanos() as f64,
                Scenario::MultiStream => s.multi_stream_expected_latency_ns = latency.as_nanos() as f64,
                Scenario::Server | Scenario::Offline => return misplaced("--expected-latency"),
            }
        }
        if let Some(percentile) = self.percentile {
            match self.scenario {
                Scenario::SingleStream => s.single_stream_target_latency_percentile = percentile,
                Scenario::MultiStream => s.multi_stream_target_latency_percentile = percentile,
                Scenario::Server => s.server_target_latency_percentile = percentile,
                Scenario::Offline => return misplaced("--percentile"),
            }
        }
        if let Some(latency) = self.target_latency {
            if self.scenario != Scenario::Server {
                return misplaced("--target-latency");
            }
            s.server_target_latency_ns = whole("--target-latency", latency, Duration::from_nanos(1))?;
        }
        if let Some(samples) = self.samples_per_query {
            if self.scenario != Scenario::MultiStream {
                return misplaced("--samples-per-query");
            }
            s.multi_stream_samples_per_query = samples;
        }
        Ok(())
    }

    fn override_limits(&self, s: &mut TestSettings) -> Result<(), HarnessError> {
        if let Some(duration) = self.min_duration {
            s.min_duration_ms = whole("--min-duration", duration, Duration::from_millis(1))?;
        }
        if let Some(duration) = self.max_duration {
            s.max_duration_ms = whole("--max-duration", duration, Duration::from_millis(1))?;
        }
        if self.performance.is_some() {
            // The library says it.
            s.performance_sample_count_override = 0;
        }
        s.min_query_count = self.min_query_count.unwrap_or(s.min_query_count);
        s.max_query_count = self.max_query_count.unwrap_or(s.max_query_count);
        s.qsl_rng_seed = self.qsl_seed.unwrap_or(s.qsl_rng_seed);
        s.sample_index_rng_seed = self.sample_seed.unwrap_or(s.sample_index_rng_seed);
        s.schedule_rng_seed = self.schedule_seed.unwrap_or(s.schedule_rng_seed);
        s.edition = self.edition;
        Ok(())
    }
}

/// A duration in whole units.
fn whole(flag: &str, duration: Duration, unit: Duration) -> Result<u64, HarnessError> {
    if !duration.as_nanos().is_multiple_of(unit.as_nanos()) {
        let why = format!("{flag}: {duration:?} is not a whole number of milliseconds, which LoadGen counts in");
        return Err(HarnessError::Arguments(why));
    }
    u64::try_from(duration.as_nanos() / unit.as_nanos())
        .map_err(|_| HarnessError::Arguments(format!("{flag}: {duration:?} is too long; accepted: up to 146 years")))
}
