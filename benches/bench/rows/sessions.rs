//! Simulated sessions: throughputs whose log varies by 2 % from run to run, with a true loss of 3 %.

use jostle_analysis::SplitMix64;

/// Baseline and colocated throughputs of a session, one of each per block.
pub type Session = (Vec<f64>, Vec<f64>);

/// `sessions` of `blocks` each; the same for the same seed.
pub fn sessions(seed: u64, sessions: usize, blocks: usize) -> Vec<Session> {
    let mut rng = SplitMix64::for_purpose(seed, "noise");
    let mut arm = |speed: f64| (0..blocks).map(|_| speed * (0.02 * rng.normal()).exp()).collect::<Vec<f64>>();
    (0..sessions).map(|_| (arm(100.0), arm(97.0))).collect()
}
