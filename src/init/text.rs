//! The file as a person reads it: every line says what it is for, and what else could stand there.

use std::{fmt::Write as _, time::Duration};

use jostle_protocol::kernel::Network;

use super::{
    Facts, Wishes,
    fit::{Fitted, JOB_PERCENT, SPIN_COST_MS},
};
use crate::experiment::Stop;

/// Comments begin here, or two columns after a longer line.
const COLUMN: usize = 46;
/// A tenant's requests, percent of a node together: the study's 1 of 24 CPUs.
const TENANTS_PERCENT: f64 = 4.0;

/// Lines of YAML, each with its comment.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Whole lines of comment.
    fn comment(&mut self, text: &str) {
        for line in text.lines() {
            self.push(format!("# {line}").trim_end());
        }
    }

    fn line(&mut self, yaml: &str, comment: &str) {
        let pad = COLUMN.saturating_sub(yaml.chars().count()).max(2);
        self.push(&format!("{yaml}{:pad$}# {comment}", ""));
    }

    fn push(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

pub fn write(wishes: &Wishes, facts: &Facts, fitted: &Fitted) -> String {
    let mut lines = Lines::default();
    head(&mut lines, wishes, facts, fitted);
    lines.line("apiVersion: jostle.dev/v1alpha1", "the version of this format");
    lines.line("kind: Experiment", "the only kind there is");
    lines.line(&format!("metadata: {{ name: {} }}", wishes.name), "runs are kept in runs/NAME-SEED-N");
    lines.push("spec:");
    lines.line("  seed: 1", "another seed: another random order of trials; the same seed: the same plan");
    topology(&mut lines, facts, fitted);
    primary(&mut lines, wishes, fitted);
    arms(&mut lines, wishes, fitted);
    trial(&mut lines, fitted);
    analysis(&mut lines, wishes, facts, fitted);
    lines.0
}

fn head(lines: &mut Lines, wishes: &Wishes, facts: &Facts, fitted: &Fitted) {
    let cpus = match facts.machine.cpus.len() {
        1 => "1 CPU".to_owned(),
        cpus => format!("{cpus} CPUs"),
    };
    let spread = number(wishes.cv_percent);
    lines.comment(&format!(
        "What does a job lose when tenants press one of its hosts to 80 % CPU? Fitted to a machine of {cpus}, to a job\n\
         whose throughput varies by {spread} % from run to run, and to {} in all. Next:\n\
         \x20 jostle plan FILE     what would happen; touches nothing\n\
         \x20 jostle run FILE      it happens; about {} if {} blocks do\n\
         Keys and values: docs/experiment-file.md. In an editor: jostle schema.",
        clock(wishes.time),
        clock(fitted.seconds.block() * fitted.expected_blocks),
        fitted.expected_blocks,
    ));
    if let Some(obstacle) = &facts.obstacle {
        lines.push("#");
        lines.comment("As things are, this machine refuses to run it (it can be planned):");
        for line in obstacle.lines() {
            lines.comment(&format!("  {line}"));
        }
        lines.comment(
            "Until then, a simulated machine needs nothing: put backend: { fake: {} } in place of local below.",
        );
    }
}

fn topology(lines: &mut Lines, facts: &Facts, fitted: &Fitted) {
    let shape = fitted.topology;
    lines.push("  topology:");
    let hosts = match facts.machine.cpus.len() / usize::from(shape.hosts) {
        0 => "they share a CPU under quotas".to_owned(),
        1 => "a CPU of its own each".to_owned(),
        own => format!("at most {own} CPUs of its own each"),
    };
    lines.line(
        &format!("    hosts: {}", shape.hosts),
        &format!("machines that tenants and job contend for; here {hosts}"),
    );
    let comment = format!("the nodes of a host share its CPU; here {} each", fitted.capacity);
    lines.line(&format!("    nodesPerHost: {}", shape.nodes_per_host), &comment);
    let comment = format!("auto: an equal part of the machine, here {}; or an amount such as 400m", fitted.budget);
    lines.line("    hostBudget: auto", &comment);
    lines.line("  backend: { local: {} }", "control groups of this machine; or { fake: {} }, which only pretends");
}

fn primary(lines: &mut Lines, wishes: &Wishes, fitted: &Fitted) {
    let executors = fitted.topology.hosts * fitted.topology.nodes_per_host;
    lines.push("");
    lines.line("  primary:", "the measured job");
    let workload = match wishes.workload {
        Network::Spin => "burns CPU; resnet50 and mobilenetv2 classify pictures, with libtorch (make setup build)",
        _ => "classifies pictures; spin burns CPU and needs no libtorch",
    };
    lines.line(&format!("    workload: {}", name(wishes.workload)), workload);
    lines.line(&format!("    executors: {executors}"), "one a node: the whole topology works on it");
    lines.line(&format!("    executorCores: {}", fitted.slots), "task slots of an executor, a process each");
    lines.push("    resources:");
    let comment = "its weight against tenants, as a share of the node (or 250m)";
    lines.line(&format!("      requests: {{ cpu: \"{JOB_PERCENT}%\" }}"), comment);
    let comment = "its ceiling; without one it takes what the tenants leave";
    lines.line(&format!("      limits: {{ cpu: \"{JOB_PERCENT}%\" }}"), comment);
    lines.push("    images:");
    let comment = format!("an iteration, ended by a barrier; takes {} here", seconds(fitted.iteration_seconds));
    lines.line(&format!("      perIteration: {}", fitted.per_iteration), &comment);
    let (cost, known) = (fitted.cost.0 * 1e3, fitted.cost.1);
    match wishes.workload {
        Network::Spin => lines.line(&format!("      cost: {SPIN_COST_MS}ms"), "CPU time of an image"),
        _ if known => {
            lines.line("      size: 64", &format!("pixels; an image of this size cost {cost:.1} ms of CPU here"))
        }
        _ => lines
            .line("      size: 64", &format!("pixels; taken to cost {cost:.0} ms of CPU: the first run measures it")),
    }
}

fn arms(lines: &mut Lines, wishes: &Wishes, fitted: &Fitted) {
    lines.push("");
    lines.line("  arms:", "compared with the baseline, which is implied: the job alone");
    lines.line("    - name: colocated", "a second arm would be measured in the same blocks");
    lines.line("      aggressors:", "leave it empty for an A/A test, which should find nothing");
    lines.line("        - name: tenants", "the co-tenants");
    match wishes.workload {
        Network::Spin => {
            lines.line("          workload: spin", "what a query computes");
            lines.line("          images: { cost: 3ms }", "CPU time of a query");
        }
        _ => {
            lines.line("          workload: mobilenetv2", "what a query computes; or spin");
            lines.line("          images: { size: 96 }", "pixels");
        }
    }
    lines.push("          place:");
    lines.line("            hosts: 1", "loaded at a time; the others show that the harm stays there");
    lines.line("            on: rotate", "every host in turn, in random order; or random, or [host-0]");
    lines
        .line(&format!("            podsPerNode: {}", fitted.pods_per_node), "tenants on each node of the loaded host");
    lines.push("          load:");
    lines.line("            mode: hostCpu", "steers the host's CPU; tenantCpu: the tenants'; rate: queries per second");
    lines.line("            target: 80%", "of the host's budget, the job's part included");
    lines.line("            tolerance: 5pp", "a window further off makes the trial void, and its block is done again");
    lines.line("            hold: rate", "the rate freezes as the window opens, so a slowed job invites no more load");
    let each = number(TENANTS_PERCENT / f64::from(fitted.pods_per_node));
    let comment = "a small weight and no limit: they live on what is left";
    lines.line(&format!("          resources: {{ requests: {{ cpu: \"{each}%\" }} }}"), comment);
}

fn trial(lines: &mut Lines, fitted: &Fitted) {
    let phases = fitted.seconds;
    lines.push("");
    lines.line(
        "  trial:",
        &format!("one run of one arm; a block of two takes {}", seconds(phases.block().as_secs_f64())),
    );
    lines.line(&format!("    warmup: {}s", phases.warmup), "start-up effects pass");
    lines.line(
        &format!("    settle: {}s", phases.settle),
        "the load is brought to its target; alone, the same time passes",
    );
    let iterations = phases.window as f64 / fitted.iteration_seconds;
    let comment = format!("the only measured stretch: about {iterations:.0} iterations (at least 5)");
    lines.line(&format!("    window: {}s", phases.window), &comment);
    lines.line(&format!("    washout: {}s", phases.washout), "before the next trial");
    let comment = format!("between scrapes: {} in a window (at least 3)", phases.window);
    lines.line("  sampling: { interval: 1s }", &comment);
}

fn analysis(lines: &mut Lines, wishes: &Wishes, facts: &Facts, fitted: &Fitted) {
    lines.push("");
    lines.push("  analysis:");
    lines.line("    confidence: 95%", "of 100 such intervals, about 95 hold the true loss");
    lines.line("    limit: 3%", "the loss you would bear; leave it out to measure without a verdict");
    lines.push("    stop:");
    let width = format!("+-{:.1} pp", fitted.half_width_pp);
    match fitted.stop {
        Stop::Fixed(blocks) => {
            let comment = format!("what fits the time: about {width}; fewer than 6 blocks earn a caution");
            lines.line(&format!("      fixed: {blocks}"), &comment);
        }
        Stop::Precision { half_width_pp, min_blocks, max_blocks } => {
            lines.push("      precision:");
            let comment =
                format!("stop when the interval is this narrow, expected after {} blocks", fitted.expected_blocks);
            lines.line(&format!("        halfWidth: {}pp", number(half_width_pp)), &comment);
            lines.line(&format!("        minBlocks: {min_blocks}"), "fewer say too little about the noise");
            lines.line(&format!("        maxBlocks: {max_blocks}"), &format!("what fits the time: about {width} then"));
        }
    }
    if fitted.half_width_pp > 1.0
        && let Some(blocks) = fitted.blocks_for_goal
    {
        let time = fitted.seconds.block().checked_mul(u32::try_from(blocks).unwrap_or(u32::MAX));
        let time = time.map_or(String::new(), |time| format!(" ({})", clock(time)));
        let cv = number(wishes.cv_percent);
        lines.push(&format!("    # +-1 pp at a CV of {cv} % would take about {blocks} blocks{time}"));
    }
    if facts.is_virtual {
        lines.line(
            "    voidAbove: { stolenCpu: 10pp }",
            "a hypervisor may take CPU from both arms alike; the default is 2pp",
        );
    } else {
        lines.line(
            "    voidAbove: { foreignCpu: 2pp }",
            "other processes that use more of the machine make a trial void",
        );
    }
}

fn name(network: Network) -> &'static str {
    match network {
        Network::Resnet50 => "resnet50",
        Network::Mobilenetv2 => "mobilenetv2",
        Network::Spin => "spin",
        Network::Torchscript => "torchscript",
    }
}

/// At most two decimals, and none that say nothing; never 0 for what is above it.
fn number(value: f64) -> String {
    let text = format!("{:.2}", if value > 0.0 { value.max(0.01) } else { 0.0 });
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn seconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.1} s") } else { format!("{value:.0} s") }
}

fn clock(time: Duration) -> String {
    let minutes = time.as_secs_f64() / 60.0;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match minutes {
        _ if minutes < 1.0 => write!(text, "{} s", time.as_secs()),
        _ if minutes < 120.0 => write!(text, "{minutes:.0} min"),
        _ => write!(text, "{:.1} h", minutes / 60.0),
    };
    text
}
