//! The statistics of jostle: what a study may conclude from its runs, and when it must refuse to conclude.
//!
//! One number per trial goes in (throughput of the baseline and of the colocated run of each block); an [`Estimate`]
//! with its interval, a [`Verdict`] and the [`Code`]s that qualify or refuse it come out. The crate is pure: no
//! clock, files, threads or hidden randomness, and no input makes it panic.
//!
//! Sections named in these pages are those of the method: 1.1 estimand, 1.2 design, 1.3 one run, 1.4 interval, 1.5 stopping, 1.6
//! verdict, 1.7 sweeps, 1.8 dose and response, 1.9 tail latencies, 1.10 options, 2 codes, 3 simulations, 5 algorithms of the reference cases.
//!
//! **The default path** is [`balanced_pairs`] -> [`decide`] -> [`compare`] -> [`diagnostics()`]; sweeps add [`sweep()`] and [`dose`].
//! Everything else is an option behind a name of its own.

pub mod bootstrap;
mod code;
pub mod contrast;
mod diagnostics;
pub mod distributions;
pub mod dose;
mod dunnett;
mod equivalence;
mod error;
mod estimate;
mod fieller;
mod fisher;
mod forecast;
mod order;
mod outliers;
mod paired;
mod power;
mod quadrature;
mod quantile;
mod rank;
mod rng;
pub mod run_length;
mod schedule;
mod sequential;
mod session;
mod sign_flip;
pub mod simulation;
pub mod steady;
mod stopping;
mod sweep;
mod verdict;
mod welch;

pub use code::{Code, Severity};
pub use diagnostics::{Diagnostics, diagnostics};
pub use dunnett::{Dunnett, dunnett, dunnett_unguarded};
pub use equivalence::{Equivalence, noninferiority_p, tost_paired_log};
pub use error::AnalysisError;
pub use estimate::{Estimate, Method, coefficient_of_variation, mean_t};
pub use fieller::{Fieller, fieller_paired, fieller_welch};
pub use fisher::{Judged, exact_p};
pub use forecast::{forecast_blocks, n_for_half_width};
pub use order::{OrderEffect, Trend, order_effect, trend};
pub use outliers::{OutlierFlags, median, outlier_flags};
pub use paired::{
    AbbaBlock, PairedLogRatio, abba_log_ratio, anytime_log_ratio, half_width_log, log_ratios, paired_log_ratio,
};
pub use power::{Power, n_for_power, power_paired_t};
pub use quantile::{PercentileInterval, dkw_band, min_n_percentile, percentile_ci, percentiles, quantile_type7};
pub use rank::{HodgesLehmann, RankBounds, hodges_lehmann, hodges_lehmann_paired, hodges_lehmann_two_sample};
pub use rng::SplitMix64;
pub use schedule::{PairOrder, balanced_pairs, permuted, rotation};
pub use sequential::{SteinPlan, stein_two_stage, t_confidence_sequence};
pub use session::{ExecutedBlock, FailedRuns, Headline, LoadCheck, Session, Unit, codes, refuses};
pub use sign_flip::{SignFlip, sign_flip};
pub use stopping::{Decision, Rule, Spread, StopRule, decide, kappa};
pub use sweep::{Cell, Widening, benjamini_hochberg, bonferroni, holm, sweep};
pub use verdict::{Comparison, Verdict, compare, detected, effect, judge};
pub use welch::{Welch, WelchLogRatio, welch, welch_log_ratio};
