//! Every simulated or computed figure of `docs/method.md` is what this crate says: a page that nobody recomputes goes stale.
//!
//! The table of widths is checked beside the plan, which prints it too.

#![expect(
    clippy::unwrap_used,
    reason = "test code outside #[test] functions: a page without its table should stop the test"
)]

use jostle_analysis::simulation::{
    Design, Interval, Noise, Stopping, covers, percent_of_sessions, simulate, stopped_session,
};
use jostle_analysis::{
    SplitMix64, Widening, half_width_log, n_for_power, paired_log_ratio, permuted, sweep, t_confidence_sequence,
};

const SESSIONS: u64 = 4_000;
const SEED: u64 = 2019;
/// Run-to-run standard deviation of log throughput: CV 2 %.
const SD: f64 = 0.02;

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/method.md")).unwrap()
}

/// What follows the mark of these figures.
fn after(page: &str, mark: &str) -> String {
    page.split_once(&format!("<!-- figures: {mark} -->\n")).unwrap().1.to_owned()
}

/// Rows of the table after a mark, without its header, as trimmed cells.
fn table(mark: &str) -> Vec<Vec<String>> {
    let text = after(&page(), mark);
    let rows = text.lines().take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// A percentage as the page has it.
fn percent(value: f64) -> String {
    format!("{value:.0} %")
}

/// Coverage of five designs under five kinds of drift.
#[test]
fn designs() {
    let rows = [
        (Design::Sequential, Interval::Welch),
        (Design::Alternating, Interval::PairedT),
        (Design::RandomPairs, Interval::Percentile),
        (Design::BalancedPairs, Interval::HodgesLehmann),
        (Design::BalancedPairs, Interval::PairedT),
    ];
    let found: Vec<Vec<String>> = rows
        .iter()
        .map(|(design, interval)| {
            let cell = |(_, noise): &(&str, Noise)| {
                percent(percent_of_sessions(SESSIONS, SEED, |seed| {
                    let study = simulate(*design, noise, 8, 0.03, seed);
                    covers(*interval, *design, &study, 0.03, seed).unwrap()
                }))
            };
            Noise::TABLE.iter().take(5).map(cell).collect()
        })
        .collect();
    assert_eq!(table("designs").into_iter().map(|row| row[1..].to_vec()).collect::<Vec<_>>(), found);
}

/// Coverage and length of the precision rule, and coverage of the plain one.
#[test]
fn stopping() {
    for row in table("stopping") {
        let cv: f64 = row[0].trim_end_matches(" %").parse().unwrap();
        let sd = cv / 100.0 * 2_f64.sqrt();
        let mut blocks = 0;
        let mut coverage = |rule| {
            percent_of_sessions(20_000, SEED, |seed| {
                let stopped = stopped_session(rule, sd, seed).unwrap();
                blocks += if rule == Stopping::Precision { stopped.blocks } else { 0 };
                stopped.covers
            })
        };
        let plain = percent(coverage(Stopping::Narrow { from: 3, inflation: 0.0 }));
        let precise = percent(coverage(Stopping::Precision));
        assert_eq!(row[1..], [plain, precise, format!("{:.0}", blocks as f64 / 20_000.0)], "CV {cv}");
    }
}

/// How often a study without any loss raises an alarm if it is looked at again and again.
#[test]
fn looks() {
    let alarms = percent_of_sessions(SESSIONS, SEED, |seed| {
        let study = simulate(Design::BalancedPairs, &Noise::normal(SD), 20, 0.0, seed);
        (3..=20).any(|n| {
            let effect = paired_log_ratio(&study.baseline[..n], &study.colocated[..n], 0.95, 1.0).unwrap();
            effect.p_adj() < 0.05
        })
    });
    let text = after(&page(), "looks");
    assert!(text.starts_with(&format!("{} instead of 5 ", percent(alarms))), "{alarms}");
}

/// How often one of six arms without any effect seems to have one, by its own p and by Holm's.
#[test]
fn arms() {
    let mut by_holm = 0;
    let alone = percent_of_sessions(SESSIONS, SEED, |seed| {
        let mut rng = SplitMix64::for_purpose(seed, "arms of the page");
        let mut rates = vec![vec![]; 7];
        for arm in permuted(seed, 7, 8).into_iter().flatten() {
            rates[arm].push(100.0 * (SD * rng.normal()).exp());
        }
        let cells = sweep(&rates[0], &rates[1..], 0.95, Widening::Kappa(1.0)).unwrap();
        by_holm += u64::from(cells.iter().any(|cell| cell.p_holm < 0.05));
        cells.iter().any(|cell| cell.marginal.p_adj() < 0.05)
    });
    let holm = percent(100.0 * by_holm as f64 / SESSIONS as f64);
    let text = after(&page(), "arms");
    assert!(
        text.starts_with(&format!("In {} of all studies, and in {holm} by Holm's", percent(alone))),
        "{alone} {holm}"
    );
}

/// How much wider the interval is that holds at every look.
#[test]
fn looking() {
    let page = after(&page(), "looking");
    let header: Vec<&str> = page.lines().next().unwrap().trim_matches('|').split('|').map(str::trim).skip(1).collect();
    let row = &table("looking")[0];
    for (blocks, told) in header.iter().zip(&row[1..]) {
        let values: Vec<f64> = (0..blocks.parse().unwrap()).map(|i: u32| f64::from(i % 3)).collect();
        let factor =
            t_confidence_sequence(&values, 1.0, 0.95).unwrap().unwrap() / half_width_log(&values, 0.95, 1.0).unwrap();
        assert_eq!(*told, format!("{factor:.1}"), "{blocks} blocks");
    }
}

/// How many blocks find a loss.
#[test]
fn power() {
    for row in table("power") {
        let cv: f64 = row[0].trim_end_matches(" %").parse().unwrap();
        let blocks = [1.0, 3.0, 10.0]
            .map(|loss| n_for_power(cv / 100.0 * 2_f64.sqrt(), loss, 0.05, 0.8).unwrap().unwrap().to_string());
        assert_eq!(row[1..], blocks, "CV {cv}");
    }
}
