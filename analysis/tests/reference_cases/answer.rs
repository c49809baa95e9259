//! What this crate answers to a case, in the shape of its `expect`.

use jostle_analysis::bootstrap::{Bca, Statistic, bca_exact, bca_seeded, hierarchical_bootstrap_seeded};
use jostle_analysis::distributions::{chi2_quantile, normal_quantile, t_quantile, t_two_sided_p};
use jostle_analysis::dose::{Direction, capacity, hinge, isotonic};
use jostle_analysis::run_length::{Cost, Levels, levels, ratio_of};
use jostle_analysis::steady::{batch_means, cusum8, mser5};
use jostle_analysis::{
    AbbaBlock, AnalysisError, Decision, Fieller, HodgesLehmann, PairOrder, PairedLogRatio, Rule, SplitMix64, Welch,
    Widening, abba_log_ratio, benjamini_hochberg, bonferroni, decide, dkw_band, dunnett_unguarded, fieller_paired,
    fieller_welch, half_width_log, hodges_lehmann_paired, hodges_lehmann_two_sample, holm, log_ratios,
    min_n_percentile, n_for_half_width, order_effect, outlier_flags, paired_log_ratio, percentile_ci, power_paired_t,
    quantile_type7, sign_flip, stein_two_stage, sweep, t_confidence_sequence, tost_paired_log, trend, welch,
    welch_log_ratio,
};
use serde_json::{Value, json};

use super::read::{Input, numbers};

type Answer = Result<Value, String>;

/// The answer, or why there is none: an unknown kind, an input that is not there, or a statistic that refuses.
pub fn answer(kind: &str, input: &Input) -> Answer {
    match kind {
        "abba_log_ratio_t" => abba(input),
        "batch_means" => batches(input),
        "bca_exact" => {
            let (base, cont, statistic, confidence) = resampled(input)?;
            let bca = bca_exact(&base, &cont, statistic, confidence).map_err(said)?;
            let mut answer = of_bca(&bca);
            answer["n_resamples"] = json!(bca.resamples);
            Ok(answer)
        }
        "bca_seeded" => {
            let (base, cont, statistic, confidence) = resampled(input)?;
            let (resamples, seed) = (input.size("resamples")?, input.seed("seed")?);
            bca_seeded(&base, &cont, statistic, confidence, resamples, seed).map(|bca| of_bca(&bca)).map_err(said)
        }
        "capacity" => {
            let capacity = capacity(&input.numbers("load")?, &input.numbers("upper_pct")?, input.number("limit_pct")?);
            capacity.map(|load| json!({ "capacity": load })).map_err(said)
        }
        "cusum8" => cusum8(&input.numbers("x")?).map_err(said).map(|result| {
            json!({
                "statistic": result.statistic,
                "split_after_batch": result.split_after_batch,
                "shift_rel": result.shift_rel,
                "unsteady": result.unsteady,
            })
        }),
        "distributions" => distributions(input),
        "dkw" => dkw_band(input.size("n")?, input.number("confidence")?)
            .map(|epsilon| json!({ "epsilon": epsilon }))
            .map_err(said),
        "dunnett_rcbd" => dunnett(input),
        "fieller_paired" => {
            let fieller = fieller_paired(&input.numbers("base")?, &input.numbers("cont")?, input.number("confidence")?);
            let fieller = fieller.map_err(said)?;
            Ok(of_fieller(&fieller, json!(fieller.df as u64)))
        }
        "fieller_welch" => {
            let fieller = fieller_welch(&input.numbers("a")?, &input.numbers("b")?, input.number("confidence")?);
            let fieller = fieller.map_err(said)?;
            Ok(of_fieller(&fieller, json!(fieller.df)))
        }
        "hierarchical_bootstrap_seeded" => hierarchical(input),
        "hinge" => hinge(&input.numbers("x")?, &input.numbers("y")?, &input.numbers("knots")?)
            .map_err(said)
            .map(|fit| json!({ "knot": fit.knot, "intercept": fit.intercept, "slope": fit.slope, "sse": fit.sse })),
        "hodges_lehmann_paired" => {
            let (base, cont) = (input.numbers("base")?, input.numbers("cont")?);
            let ranks = hodges_lehmann_paired(&base, &cont, input.number("confidence")?).map_err(said)?;
            let mut answer = of_ranks(&ranks);
            answer["walsh_averages"] = json!(ranks.candidates);
            answer["max_confidence"] = json!(ranks.max_confidence);
            Ok(answer)
        }
        "hodges_lehmann_two_sample" => {
            let (a, b) = (input.numbers("a")?, input.numbers("b")?);
            hodges_lehmann_two_sample(&a, &b, input.number("confidence")?).map(|ranks| of_ranks(&ranks)).map_err(said)
        }
        "isotonic" => isotonic_fit(input),
        "kalibera_jones" => kalibera_jones(input),
        "min_n_percentile" => min_n_percentile(input.number("q")?, input.number("confidence")?)
            .map(|(upper, two_sided)| json!({ "n_upper_bound": upper, "n_two_sided": two_sided }))
            .map_err(said),
        "mser5" => mser5(&input.numbers("x")?).map_err(said).map(|result| {
            json!({
                "batches": result.batches,
                "d": result.d,
                "truncate_samples": result.truncate_samples,
                "at_boundary": result.at_boundary,
                "z_min": result.z_min,
                "z_0": result.z_0,
                "mean_after": result.mean_after,
            })
        }),
        "multi_arm" => multi_arm(input),
        "n_for_half_width" => {
            let [sd, half, assurance, confidence] =
                ["sd_log", "half_width_log", "assurance", "confidence"].map(|key| input.number(key));
            n_for_half_width(sd?, half?, assurance?, confidence?).map(|n| json!({ "n": n })).map_err(said)
        }
        "order_effect" => order(input),
        "outlier_flags" => outlier_flags(&input.numbers("x")?).map_err(said).map(|flags| {
            json!({
                "median": flags.median,
                "mad": flags.mad,
                "modified_z": flags.modified_z,
                "flagged": flags.flagged,
            })
        }),
        "p_adjust" => {
            let p = input.numbers("p")?;
            let [holm, bh, bonferroni] = [holm(&p), benjamini_hochberg(&p), bonferroni(&p)];
            Ok(json!({
                "holm": holm.map_err(said)?,
                "bh": bh.map_err(said)?,
                "bonferroni": bonferroni.map_err(said)?,
            }))
        }
        "paired_log_ratio_t" => {
            let (base, cont) = (input.numbers("base")?, input.numbers("cont")?);
            paired_log_ratio(&base, &cont, input.number("confidence")?, 1.0)
                .map(|effect| of_paired(&effect))
                .map_err(said)
        }
        "percentile_ci" => percentile(input),
        "power_paired_t" => {
            let n = input.size("n")?;
            let [sd, degradation, alpha] = ["sd_log", "degradation_pct", "alpha"].map(|key| input.number(key));
            power_paired_t(n, sd?, degradation?, alpha?).map_err(said).map(|power| {
                json!({
                    "noncentrality": power.noncentrality,
                    "critical": power.critical,
                    "power": power.power,
                })
            })
        }
        "quantile_type7" => quantile_type7(&input.numbers("x")?, &input.numbers("q")?)
            .map(|values| json!({ "values": values }))
            .map_err(said),
        "sign_flip" => {
            let logs = log_ratios(&input.numbers("base")?, &input.numbers("cont")?).map_err(said)?;
            sign_flip(&logs).map_err(said).map(|result| {
                json!({
                    "extreme": result.extreme,
                    "total": result.total,
                    "p": result.p,
                    "min_possible_p": result.min_possible_p,
                })
            })
        }
        "splitmix64" => splitmix64(input),
        "stein_two_stage" => {
            let (half_width, confidence) = (input.number("half_width_log")?, input.number("confidence")?);
            stein_two_stage(&input.numbers("pilot")?, half_width, confidence).map_err(said).map(|plan| {
                json!({
                    "sd_pilot": plan.sd_pilot,
                    "critical": plan.critical,
                    "n_total": plan.n_total,
                    "half_width_log": plan.half_width,
                })
            })
        }
        "stop_rule" => stop_rule(input),
        "t_confidence_sequence" => {
            let (d, c2, confidence) = (input.numbers("d")?, input.number("c2")?, input.number("confidence")?);
            let at = |n: usize| t_confidence_sequence(&d[..n], c2, confidence).map_err(said);
            Ok(json!({ "half_width_by_n": (2..=d.len()).map(at).collect::<Result<Vec<_>, _>>()? }))
        }
        "tost_paired_log" => tost(input),
        "trend" => trend(&input.numbers("y")?).map_err(said).map(|result| {
            json!({
                "S": result.s,
                "var": result.variance,
                "z": result.z,
                "p": result.p,
                "theil_sen_slope": result.slope,
            })
        }),
        "welch" => {
            let result =
                welch(&input.numbers("a")?, &input.numbers("b")?, input.number("confidence")?).map_err(said)?;
            let mut answer = of_welch(&result);
            answer["diff"] = json!(result.difference);
            answer["se"] = json!(result.se);
            answer["lo"] = json!(result.difference - result.half_width);
            answer["hi"] = json!(result.difference + result.half_width);
            Ok(answer)
        }
        "welch_log_ratio" => welch_logs(input),
        _ => Err(format!("unknown kind {kind}")),
    }
}

/// A refusal of the crate, in its words.
fn said(error: AnalysisError) -> String {
    error.to_string()
}

fn abba(input: &Input) -> Answer {
    let block = |case: &Value| {
        let (order, y) = (case["order"].as_str().ok_or("order is no word")?, numbers(&case["y"], "y")?);
        let of = |arm: char| -> Result<[f64; 2], String> {
            let runs = order.chars().zip(&y).filter(|(letter, _)| *letter == arm).map(|(_, rate)| *rate);
            runs.collect::<Vec<_>>().try_into().map_err(|_| format!("{order} has not two of {arm}"))
        };
        Ok(AbbaBlock { baseline: of('A')?, colocated: of('B')? })
    };
    let blocks = input.list("blocks")?.iter().map(block).collect::<Result<Vec<_>, String>>()?;
    abba_log_ratio(&blocks, input.number("confidence")?).map(|effect| of_paired(&effect)).map_err(said)
}

fn batches(input: &Input) -> Answer {
    let result =
        batch_means(&input.numbers("x")?, input.size("batches")?, input.number("confidence")?).map_err(said)?;
    Ok(json!({
        "mean": result.mean,
        "se": result.se,
        "lo": result.mean - result.half_width,
        "hi": result.mean + result.half_width,
        "lag1_samples": result.lag1_samples,
        "lag1_batches": result.lag1_batches,
        "naive_se": result.naive_se,
        "variance_inflation": result.variance_inflation,
    }))
}

fn resampled(input: &Input) -> Result<(Vec<f64>, Vec<f64>, Statistic, f64), String> {
    let statistic = match input.word("statistic")? {
        "mean_log_ratio" => Statistic::MeanLogRatio,
        "log_ratio_of_means" => Statistic::LogRatioOfMeans,
        other => return Err(format!("unknown statistic {other}")),
    };
    Ok((input.numbers("base")?, input.numbers("cont")?, statistic, input.number("confidence")?))
}

fn of_bca(bca: &Bca) -> Value {
    json!({
        "theta": bca.theta,
        "p0": bca.p0,
        "z0": bca.z0,
        "acceleration": bca.acceleration,
        "level_lo": bca.level_low,
        "level_hi": bca.level_high,
        "lo_log": bca.low_log,
        "hi_log": bca.high_log,
        "percentile_lo_log": bca.percentile_low_log,
        "percentile_hi_log": bca.percentile_high_log,
    })
}

fn distributions(input: &Input) -> Answer {
    let on_pairs = |key: &str, f: fn(f64, f64) -> Result<f64, AnalysisError>| {
        let pairs = input.rows(key)?;
        let value = |pair: Vec<f64>| match pair[..] {
            [first, second] => f(first, second).map_err(said),
            _ => Err(format!("{key} is no list of pairs")),
        };
        pairs.into_iter().map(value).collect::<Result<Vec<f64>, String>>()
    };
    let normal = input.numbers("normal")?.into_iter().map(|p| normal_quantile(p).map_err(said));
    Ok(json!({
        "t_quantile": on_pairs("t", t_quantile)?,
        "normal_quantile": normal.collect::<Result<Vec<f64>, String>>()?,
        "t_two_sided_p": on_pairs("t_stat", t_two_sided_p)?,
        "chi2_quantile": on_pairs("chi2", chi2_quantile)?,
    }))
}

fn dunnett(input: &Input) -> Answer {
    let (base, arms, confidence) = (input.numbers("base")?, input.rows("arms")?, input.number("confidence")?);
    let result = dunnett_unguarded(&base, &arms, confidence).map_err(said)?;
    Ok(json!({
        "df": result.df,
        "s2": result.s2,
        "se_log": result.se_log,
        "t": result.t,
        "p_adjusted": result.p_adjusted,
        "critical": result.critical,
        "lo_log": result.low_log,
        "hi_log": result.high_log,
    }))
}

fn of_fieller(fieller: &Fieller, df: Value) -> Value {
    json!({
        "ratio": fieller.ratio,
        "g": fieller.g,
        "df": df,
        "status": if fieller.bounds.is_some() { "bounded" } else { "unbounded" },
        "ratio_lo": fieller.bounds.map(|bounds| bounds.0),
        "ratio_hi": fieller.bounds.map(|bounds| bounds.1),
    })
}

fn hierarchical(input: &Input) -> Answer {
    let (a, b, confidence) = (input.rows("a")?, input.rows("b")?, input.number("confidence")?);
    let (resamples, seed) = (input.size("resamples")?, input.seed("seed")?);
    let ratio = hierarchical_bootstrap_seeded(&a, &b, confidence, resamples, seed).map_err(said)?;
    Ok(json!({ "ratio": ratio.ratio, "ratio_lo": ratio.low, "ratio_hi": ratio.high }))
}

fn of_ranks(ranks: &HodgesLehmann) -> Value {
    json!({
        "estimate_log": ranks.estimate_log,
        "ratio": ranks.estimate_log.exp(),
        "achievable": ranks.bounds.is_some(),
        "rank": ranks.bounds.map(|bounds| bounds.rank),
        "attained_confidence": ranks.bounds.map(|bounds| bounds.attained_confidence),
        "lo_log": ranks.bounds.map(|bounds| bounds.low_log),
        "hi_log": ranks.bounds.map(|bounds| bounds.high_log),
    })
}

fn isotonic_fit(input: &Input) -> Answer {
    let direction = match input.word("direction")? {
        "nondecreasing" => Direction::Nondecreasing,
        "nonincreasing" => Direction::Nonincreasing,
        other => return Err(format!("unknown direction {other}")),
    };
    let weights = if input.has("w") { Some(input.numbers("w")?) } else { None };
    let fit = isotonic(&input.numbers("y")?, weights.as_deref(), direction).map_err(said)?;
    Ok(json!({ "fit": fit.fit, "levels": fit.levels, "weighted_sse": fit.weighted_sse }))
}

fn kalibera_jones(input: &Input) -> Answer {
    let cost = Cost { run: input.number("cost_run")?, sample: input.number("cost_sample")? };
    let of = |key: &str| levels(&input.rows(key)?, cost, input.number("confidence")?).map_err(said);
    let (a, b) = (of("a")?, of("b")?);
    let (ratio, bounds) = ratio_of(&a, &b).map_err(said)?;
    let mut answer = json!({
        "ratio": ratio,
        "ratio_lo": bounds.map(|bounds| bounds.0),
        "ratio_hi": bounds.map(|bounds| bounds.1),
    });
    let mut put = |name: &str, arm: &Levels| {
        answer[format!("{name}_mean")] = json!(arm.mean);
        answer[format!("{name}_S1_2")] = json!(arm.s1_squared);
        answer[format!("{name}_S2_2")] = json!(arm.s2_squared);
        answer[format!("{name}_T2_2")] = json!(arm.t2_squared);
        answer[format!("{name}_half_width")] = json!(arm.half_width);
        answer[format!("{name}_optimal_samples_per_run")] = json!(arm.optimal_samples_per_run);
    };
    put("a", &a);
    put("b", &b);
    Ok(answer)
}

fn multi_arm(input: &Input) -> Answer {
    let (base, arms, confidence) = (input.numbers("base")?, input.rows("arms")?, input.number("confidence")?);
    let cells = sweep(&base, &arms, confidence, Widening::Kappa(1.0)).map_err(said)?;
    let marginal = |pick: fn(&jostle_analysis::Estimate) -> f64| {
        cells.iter().map(|cell| pick(cell.marginal.degradation())).collect::<Vec<_>>()
    };
    Ok(json!({
        "p": cells.iter().map(|cell| cell.marginal.p()).collect::<Vec<_>>(),
        "p_holm": cells.iter().map(|cell| cell.p_holm).collect::<Vec<_>>(),
        "degradation_pct": marginal(jostle_analysis::Estimate::value),
        "marginal_lo_pct": marginal(jostle_analysis::Estimate::low),
        "marginal_hi_pct": marginal(jostle_analysis::Estimate::high),
        "simultaneous_lo_pct": cells.iter().map(|cell| cell.simultaneous().low()).collect::<Vec<_>>(),
        "simultaneous_hi_pct": cells.iter().map(|cell| cell.simultaneous().high()).collect::<Vec<_>>(),
    }))
}

fn order(input: &Input) -> Answer {
    let order = |value: &Value| match value.as_str() {
        Some("AB") => Ok(PairOrder::Ab),
        Some("BA") => Ok(PairOrder::Ba),
        _ => Err(format!("{value} is no order")),
    };
    let orders = input.list("order")?.iter().map(order).collect::<Result<Vec<_>, _>>()?;
    let logs = log_ratios(&input.numbers("base")?, &input.numbers("cont")?).map_err(said)?;
    let effect = order_effect(&logs, &orders, 0.95).map_err(said)?;
    let mut answer = of_welch(&effect.welch);
    answer["n_ab"] = json!(effect.n_ab);
    answer["n_ba"] = json!(effect.n_ba);
    answer["diff_log"] = json!(effect.welch.difference);
    Ok(answer)
}

fn of_paired(effect: &PairedLogRatio) -> Value {
    let degradation = effect.degradation();
    json!({
        "n": effect.n(),
        "mean_log": effect.mean_log(),
        "sd_log": effect.sd_log(),
        "se_log": effect.se_log(),
        "df": effect.df(),
        "t": effect.t(),
        "p": effect.p(),
        "half_width_log": effect.half_width_log(),
        "lo_log": effect.mean_log() - effect.half_width_log(),
        "hi_log": effect.mean_log() + effect.half_width_log(),
        "ratio": effect.ratio(),
        "ratio_lo": effect.ratio_low(),
        "ratio_hi": effect.ratio_high(),
        "degradation_pct": degradation.value(),
        "degradation_lo_pct": degradation.low(),
        "degradation_hi_pct": degradation.high(),
    })
}

fn percentile(input: &Input) -> Answer {
    let result = percentile_ci(&input.numbers("x")?, input.number("q")?, input.number("confidence")?).map_err(said)?;
    Ok(json!({
        "point_type7": result.point,
        "rank_lo": result.rank_low,
        "rank_hi": result.rank_high,
        "lo": result.low,
        "hi": result.high,
        "attained_confidence": result.attained_confidence,
        "upper_bound_rank": result.upper_bound_rank,
        "upper_bound": result.upper_bound,
    }))
}

/// As many of the outputs and of the indices as the file holds: both streams start from the seed.
fn splitmix64(input: &Input) -> Answer {
    let (seed, n) = (input.seed("seed")?, input.count("n")?);
    let (mut outputs, mut indices) = (SplitMix64::new(seed), SplitMix64::new(seed));
    Ok(json!({
        "u64": (0..5).map(|_| outputs.next_u64().to_string()).collect::<Vec<_>>(),
        "index": (0..12).map(|_| indices.below(n)).collect::<Vec<_>>(),
    }))
}

/// Half-widths with the case's own inflation; where it is the crate's 2.5, `decide` must stop at the same block.
fn stop_rule(input: &Input) -> Answer {
    let d = input.numbers("d")?;
    let [target, inflation, confidence] =
        ["target_half_width_log", "inflation_c", "confidence"].map(|key| input.number(key));
    let (target, inflation, confidence, n_min) = (target?, inflation?, confidence?, input.size("n_min")?);
    let half = |n: usize| half_width_log(&d[..n], confidence, 1.0 + inflation / n as f64).map_err(said);
    let halves = (2..=d.len()).map(half).collect::<Result<Vec<_>, _>>()?;
    let n_stop = (n_min.max(2)..=d.len()).find(|n| halves[n - 2] <= target);
    if inflation == 2.5 && n_min >= 3 {
        let rule = Rule::Precision { half_width_pp: 100.0 * target, min_blocks: n_min, max_blocks: usize::MAX };
        let stops = |n: usize| matches!(decide(&rule, &d[..n], confidence), Ok(Decision::Stop { reached: true }));
        let decided = (0..=d.len()).find(|&n| stops(n));
        if decided != n_stop {
            return Err(format!("decide stops at {decided:?} and the half-widths at {n_stop:?}"));
        }
    }
    let mut answer = json!({ "half_width_by_n": halves, "n_stop": n_stop });
    if let Some(n) = n_stop {
        let mean = d[..n].iter().sum::<f64>() / n as f64;
        answer["lo_log"] = json!(mean - halves[n - 2]);
        answer["hi_log"] = json!(mean + halves[n - 2]);
    }
    Ok(answer)
}

fn tost(input: &Input) -> Answer {
    let (base, cont) = (input.numbers("base")?, input.numbers("cont")?);
    let result = tost_paired_log(&base, &cont, input.number("margin_pct")?, input.number("alpha")?).map_err(said)?;
    Ok(json!({
        "t_lower": result.t_lower,
        "p_noninferiority": result.p_noninferiority,
        "t_upper": result.t_upper,
        "p_upper": result.p_upper,
        "p_equivalence": result.p_equivalence(),
        "df": result.df,
        "degradation_upper_bound_pct": result.degradation_upper_bound_percent,
        "ratio_ci_lo": result.ratio_low,
        "ratio_ci_hi": result.ratio_high,
        "noninferior": result.noninferior,
        "equivalent": result.equivalent,
    }))
}

fn of_welch(welch: &Welch) -> Value {
    json!({ "t": welch.t, "df": welch.df, "p": welch.p })
}

fn welch_logs(input: &Input) -> Answer {
    let (a, b) = (input.numbers("a")?, input.numbers("b")?);
    let result = welch_log_ratio(&a, &b, input.number("confidence")?).map_err(said)?;
    let (logs, degradation) = (result.logs, result.degradation());
    let mut answer = of_welch(&logs);
    let (low, high) = (logs.difference - logs.half_width, logs.difference + logs.half_width);
    for (key, value) in [
        ("mean_log", logs.difference),
        ("se_log", logs.se),
        ("lo_log", low),
        ("hi_log", high),
        ("ratio", logs.difference.exp()),
        ("ratio_lo", low.exp()),
        ("ratio_hi", high.exp()),
        ("degradation_pct", degradation.value()),
        ("degradation_lo_pct", degradation.low()),
        ("degradation_hi_pct", degradation.high()),
    ] {
        answer[key] = json!(value);
    }
    Ok(answer)
}
