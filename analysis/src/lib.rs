//! The statistics of jostle: what a study may conclude from its runs, and when it must refuse to conclude.
//!
//! One number per trial goes in (throughput of the baseline and of the colocated run of each block); an [`Estimate`]
//! with its interval, a [`Verdict`] and the [`Code`]s that qualify or refuse it come out. The crate is pure: no
//! clock, files, threads or hidden randomness, and no input makes it panic.
//!
//! Deliberately absent: samples within a run and nodes within a job. They are not replicates, so nothing here
//! accepts them.

mod code;
pub mod distributions;
mod error;
mod estimate;
mod forecast;
mod outliers;
mod paired;
mod quantile;
mod rng;
mod schedule;
mod session;
mod stopping;
mod verdict;

pub use code::{Code, Severity};
pub use error::AnalysisError;
pub use estimate::{Estimate, Method, coefficient_of_variation, mean_t};
pub use forecast::{forecast_blocks, n_for_half_width};
pub use outliers::{OutlierFlags, median, outlier_flags};
pub use paired::{PairedLogRatio, half_width_log, log_ratios, paired_log_ratio};
pub use quantile::{min_n_percentile, percentiles, quantile_type7};
pub use rng::SplitMix64;
pub use schedule::{PairOrder, balanced_pairs, permuted, rotation};
pub use session::{ExecutedBlock, FailedRuns, LoadCheck, Session, codes, too_many_early_voids, void_share_exceeded};
pub use stopping::{Decision, Rule, decide, kappa};
pub use verdict::{Comparison, Verdict, compare, detected, judge};
