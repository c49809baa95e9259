//! The command line: types only.

pub mod loadgen;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    experiment::{DurationText, Percent, PercentPoints},
    report,
};

/// How much does my job lose when other tenants share its machines? A number that can be trusted.
#[derive(Debug, Parser)]
#[command(name = "jostle", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  within the limit, or no limit set
  1  exceeds the limit, or inconclusive (see --fail-on)
  2  bad usage or bad file; nothing was touched
  3  the machine could not carry it out; what was made is removed
  4  the method refuses the result (the report says which code, and how to mend it)
  130, 143  interrupted by Ctrl-C or SIGTERM; the data is kept, `jostle resume` goes on";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Validate, plan, provision, run every trial, analyse, report
    Run(RunArgs),
    /// Print the order of trials, the placement, the budgets and the forecast of time; touch nothing
    Plan {
        /// The experiment
        file: PathBuf,
    },
    /// Check experiments; touch nothing
    Validate {
        /// The experiments
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write a commented experiment that fits this machine
    Init(InitArgs),
    /// Redo the interrupted block whole, under a new id, and go on
    Resume {
        /// A run directory, for example runs/latest
        run: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Recompute everything from a run directory's record, and write report.json and report.html anew; or compare runs that another
    /// tool made, from a CSV of block, arm, position and throughput
    Analyze(AnalyzeArgs),
    /// Print a run's report, from its record alone
    Report {
        /// A run directory, for example runs/latest
        run: PathBuf,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Terminal)]
        format: Format,
    },
    /// Can this machine run it? Every check with its evidence and a remedy; touch nothing
    Doctor(DoctorArgs),
    /// MLPerf's load generator: the official package's queries, to the nanosecond
    #[command(subcommand, arg_required_else_help = true)]
    Loadgen(loadgen::LoadgenCommand),
    /// Remove whatever any run left on this machine: processes and cgroups
    Clean {
        /// Where the cgroup controllers are mounted
        #[arg(long, default_value = "/sys/fs/cgroup")]
        cgroup_root: PathBuf,
    },
    /// Print the JSON Schema of experiment files, for editors
    Schema,
    /// Print a script that completes this program's commands and options in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man {
        /// Write a page for every command into this directory instead
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// The node exporter that a run starts: cgroup counters as Prometheus metrics
    Agent(AgentArgs),
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The file to write (default: standard output)
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long, requires = "out")]
    pub force: bool,
    /// How much the job's throughput varies from run to run (its CV), where that is known
    #[arg(long, default_value = "2%")]
    pub noise: Percent,
    /// How long the whole study may take
    #[arg(long, default_value = "10m")]
    pub time: DurationText,
    /// What the job computes (default: resnet50 where libtorch is set up, else spin)
    #[arg(long, value_enum)]
    pub workload: Option<Workload>,
}

/// What a job computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// ResNet50 on libtorch
    Resnet50,
    /// MobileNetV2 on libtorch
    Mobilenetv2,
    /// Burns CPU; needs no libtorch
    Spin,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The experiment
    pub file: PathBuf,
    /// The run directory to make (default: the next free runs/NAME-SEED-N)
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// The same as `jostle plan`
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Output {
    /// Tell progress as JSON, one object a line, on standard output
    #[arg(long)]
    pub json_lines: bool,
    #[command(flatten)]
    pub verdict: VerdictArgs,
}

#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// A run directory, for example runs/latest; or a CSV file of runs, or `-` for one on standard input
    pub run: PathBuf,
    #[command(flatten)]
    pub verdict: VerdictArgs,
    #[command(flatten)]
    pub imported: ImportedArgs,
}

/// Of a CSV alone: a run directory has its own answers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for a CSV of runs")]
pub struct ImportedArgs {
    /// The arm that the others are compared with [default: baseline]
    #[arg(long)]
    pub baseline: Option<String>,
    /// Confidence of the intervals, 50% to 99.9% [default: 95%]
    #[arg(long)]
    pub confidence: Option<Percent>,
    /// The greatest acceptable loss, above 0% and below 100% [default: none]
    #[arg(long)]
    pub limit: Option<Percent>,
    /// What the values are [default: throughput]
    #[arg(long, value_enum)]
    pub metric: Option<ImportedMetric>,
    /// What ended the runs [default: fixed]
    #[arg(long, value_enum)]
    pub stop: Option<Stop>,
    /// With `--stop precision`: the half-width that ended the runs [default: 1pp]
    #[arg(long)]
    pub half_width: Option<PercentPoints>,
    /// Show the figure although the order of the runs (D1) refuses it; the verdict stays refused
    #[arg(long)]
    pub force: bool,
    /// How to print the comparison [default: terminal]
    #[arg(long, value_enum)]
    pub format: Option<ImportedFormat>,
}

impl ImportedArgs {
    /// An option that was given, if any was.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            (self.baseline.is_some(), "--baseline"),
            (self.confidence.is_some(), "--confidence"),
            (self.limit.is_some(), "--limit"),
            (self.metric.is_some(), "--metric"),
            (self.stop.is_some(), "--stop"),
            (self.half_width.is_some(), "--half-width"),
            (self.force, "--force"),
            (self.format.is_some(), "--format"),
        ];
        given.into_iter().find_map(|(given, option)| given.then_some(option))
    }
}

/// What the values of a CSV are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportedMetric {
    /// Work per time; less is worse
    Throughput,
    /// Time per work; more is worse
    Duration,
    /// Time until an answer; more is worse
    Latency,
}

/// What ended the runs of a CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stop {
    /// A number of blocks that was set before the first one
    Fixed,
    /// An interval that was narrow enough
    Precision,
    /// A person, who had seen results or may have
    Hand,
}

/// How a comparison of a CSV's runs is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportedFormat {
    /// For a person
    Terminal,
    /// For a machine
    Json,
    /// For a spreadsheet: a row per comparison
    Csv,
    /// For a pull request's comment
    Markdown,
    /// For a CI server: a test case per comparison
    Junit,
}

#[derive(Debug, Args)]
pub struct VerdictArgs {
    /// Which verdicts end with exit code 1
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [FailOn::Exceeds, FailOn::Inconclusive])]
    pub fail_on: Vec<FailOn>,
}

impl VerdictArgs {
    /// As the report's exit code takes it: `never` wins over what stands beside it.
    pub fn fail_on(&self) -> report::FailOn {
        let given = |wanted| self.fail_on.contains(&wanted) && !self.fail_on.contains(&FailOn::Never);
        report::FailOn { exceeds: given(FailOn::Exceeds), inconclusive: given(FailOn::Inconclusive) }
    }
}

/// A verdict that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// The limit is exceeded
    Exceeds,
    /// The interval holds the limit
    Inconclusive,
    /// Neither
    Never,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Terminal,
    /// For a machine: report.json
    Json,
    /// For a browser: report.html, one file that needs nothing else
    Html,
    /// For a spreadsheet: a row per trial
    Csv,
    /// For a pull request's comment
    Markdown,
    /// For a CI server: a test case per comparison
    Junit,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The experiment; only what it needs is asked for (default: that of examples/demo.yaml)
    pub file: Option<PathBuf>,
    /// Print an array of {check, status, evidence, remedy}
    #[arg(long)]
    pub json: bool,
    /// Look at the sys, proc and run below this directory in place of the machine's own
    #[arg(long, default_value = "/", hide = true)]
    pub root: PathBuf,
}

#[derive(Debug, Args)]
pub struct AgentArgs {
    /// The run's tree below every cgroup controller
    #[arg(long)]
    pub tree: String,
    /// Where the cgroup controllers are mounted
    #[arg(long, default_value = "/sys/fs/cgroup")]
    pub cgroup_root: PathBuf,
    /// Address to serve /metrics on; port 0 takes a free one and tells it on standard output
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
}
