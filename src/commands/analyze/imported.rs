//! A CSV of runs that another tool made: read, compared, printed. Nothing is written.

use std::{
    io::{self, Read as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::{
    cli::{AnalyzeArgs, ImportedArgs, ImportedFormat, ImportedMetric, Stop},
    commands::{Failure, output},
    experiment::{Metric, Percent},
    imported::{self, LONGEST_FILE},
    plan::BASELINE,
    record::read_regular,
    refusal::Refusal,
    report::{self, Asked, Ended, ImportedReport},
};

/// Compares the runs of a file, or of standard input for `-`.
pub fn compare(path: &Path, args: &AnalyzeArgs) -> Result<u8, Failure> {
    let given = &args.imported;
    let (confidence, limit_percent, ended) = (confidence(given)?, limit(given)?, ended(given)?);
    let metric = match given.metric {
        None | Some(ImportedMetric::Throughput) => Metric::Throughput,
        Some(ImportedMetric::Duration) => Metric::Duration,
        Some(ImportedMetric::Latency) => Metric::Latency,
    };
    let file = path.display().to_string();
    let bytes = bytes(path).map_err(|error| {
        let most = LONGEST_FILE >> 20;
        let refusal = Refusal::new(&file, error.to_string());
        Failure::usage(refusal.accepting(format!("a CSV file of at most {most} MiB, or - for standard input")))
    })?;
    let named = |error| Failure::usage(format!("{file}:{error}"));
    let runs = imported::read(&bytes, metric).map_err(named)?;
    let baseline = given.baseline.as_deref().unwrap_or(BASELINE);
    let paired = imported::pair(&runs, baseline, metric).map_err(named)?;
    let asked = Asked {
        file: file.clone(),
        digest: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        unused_columns: runs.unused,
        metric,
        confidence,
        limit_percent,
        ended,
        despite_order: given.force,
    };
    let built = report::build_imported(&paired, &asked);
    output::print(&printed(&built, given.format)?);
    Ok(report::exit_code(&built.comparisons, args.verdict.fail_on()))
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if path != Path::new("-") {
        return read_regular(path, LONGEST_FILE);
    }
    let mut bytes = Vec::new();
    // A byte more than is accepted tells that there is more; the reader refuses it.
    io::stdin().lock().take(LONGEST_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn printed(built: &ImportedReport, format: Option<ImportedFormat>) -> Result<String, Failure> {
    Ok(match format.unwrap_or(ImportedFormat::Terminal) {
        ImportedFormat::Terminal => built.terminal(),
        ImportedFormat::Json => report::to_json(built).map_err(Failure::machine)?,
        ImportedFormat::Csv => built.csv(),
        ImportedFormat::Markdown => built.markdown(),
        ImportedFormat::Junit => built.junit(),
    })
}

fn confidence(given: &ImportedArgs) -> Result<f64, Failure> {
    match given.confidence.unwrap_or(Percent(95.0)) {
        Percent(percent) if (50.0..=99.9).contains(&percent) => Ok(percent / 100.0),
        Percent(percent) => Err(refused("--confidence", &format!("{percent} %"), "50% to 99.9%, for example 95%")),
    }
}

fn limit(given: &ImportedArgs) -> Result<Option<f64>, Failure> {
    match given.limit {
        None => Ok(None),
        Some(Percent(percent)) if percent > 0.0 && percent < 100.0 => Ok(Some(percent)),
        Some(Percent(percent)) => {
            Err(refused("--limit", &format!("{percent} %"), "above 0% and below 100%, for example 3%"))
        }
    }
}

fn ended(given: &ImportedArgs) -> Result<Ended, Failure> {
    match (given.stop.unwrap_or(Stop::Fixed), given.half_width) {
        (Stop::Precision, half_width) => Ok(Ended::Precision(half_width.map_or(1.0, |points| points.0))),
        (_, Some(_)) => Err(refused("--half-width", "without --stop precision", "both, or neither")),
        (Stop::Fixed, None) => Ok(Ended::Fixed),
        (Stop::Hand, None) => Ok(Ended::ByHand),
    }
}

fn refused(option: &str, why: &str, accepted: &str) -> Failure {
    Failure::usage(Refusal::new(option, why).accepting(accepted))
}
