//! Configuration files by chance, and what this crate makes of them when it reads as the official package does.

use jostle_loadgen::{
    conf::{Author, Conf, ConfError, Reading},
    random::Random,
    settings::{Scenario, TestSettings},
};
use serde_json::{Value, json};

use crate::package::fields;

/// What a file may be about. Language models are left out: their token latencies are refused here.
const MODELS: [&str; 6] = ["resnet50", "retinanet", "bert", "dlrm-v2", "3d-unet", "wan-2.2-t2v-a14b"];
const KEYS: [&str; 26] = [
    "mode",
    "qsl_rng_seed",
    "schedule_rng_seed",
    "accuracy_log_probability",
    "target_latency_percentile",
    "samples_per_query",
    "target_latency",
    "target_latency",
    "performance_issue_unique",
    "performance_issue_same",
    "performance_issue_same_index",
    "sample_concatenate_permutation",
    "coalesce_queries",
    "max_async_queries",
    "min_duration",
    "max_duration",
    "min_query_count",
    "max_query_count",
    "performance_sample_count_override",
    "accuracy_sample_count_override",
    "target_qps",
    "target_qps",
    "accuracy_log_rng_seed",
    "accuracy_log_sampling_target",
    "target_duration",
    "no_such_key",
];
const VALUES: [&str; 16] = [
    "0",
    "1",
    "2",
    "3",
    "17",
    "99",
    "99.9",
    "010",
    "08",
    "0x1F",
    "1e3",
    "12.0",
    "600000",
    "2085463073848966840",
    "0.25",
    "+7",
];

/// A file, and for whom it is read.
#[derive(Clone, Debug)]
pub struct File {
    conf: String,
    rules: bool,
    model: &'static str,
    scenario: Scenario,
}

/// `count` files by chance, the same ones for a seed.
pub fn files(seed: u64, count: usize) -> Vec<File> {
    let mut random = Random::new(seed);
    (0..count).map(|number| file(&mut random, number)).collect()
}

fn one<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u32) as usize]
}

fn file(random: &mut Random, number: usize) -> File {
    let scenarios = ["*", "SingleStream", "MultiStream", "Server", "Offline", "Nowhere"];
    let mut conf = String::new();
    for _ in 0..random.below(25) {
        let model = if random.below(3) == 0 { "*" } else { one(random, &MODELS) };
        let (scenario, key) = (one(random, &scenarios), one(random, &KEYS));
        let value = match key {
            // A mode above 3 is an error here, and only logged there; the other goes through 32 bits there.
            "mode" | "max_async_queries" => one(random, &VALUES[..4]),
            _ => one(random, &VALUES),
        };
        conf += &match random.below(40) {
            0 => format!("# {model}.{scenario}.{key} = {value}\n"),
            1 => format!("{model}.{scenario}.{key} = {value} 5\n"),
            2 => format!("{model}.{scenario}.{key}\n"),
            3 if random.below(4) == 0 => format!("{model}.{scenario}.{key} = {value}x\n"),
            4 if random.below(4) == 0 => format!("{model}.{scenario}.{key}={value} = 3\n"),
            5 if random.below(4) == 0 => format!("{model}.{scenario}.{key} = {value} # why\n"),
            _ => format!("  {model}.{scenario}.{key} =\t{value}\r\n"),
        };
    }
    let model = MODELS[number % MODELS.len()];
    File { conf, rules: random.below(2) == 0, model, scenario: one(random, &Scenario::ALL) }
}

impl File {
    /// As the official package is told.
    pub fn line(&self) -> String {
        let Self { conf, rules, model, scenario } = self;
        let known: Vec<String> = fields(&TestSettings::default()).into_iter().map(|(name, _)| name).collect();
        json!({ "conf": conf, "rules": rules, "model": model, "scenario": scenario.to_string(), "fields": known })
            .to_string()
    }

    /// The settings that it comes to here, by LoadGen's names.
    pub fn ours(&self) -> Result<Value, ConfError> {
        let mut settings = TestSettings::new(self.scenario);
        if self.rules {
            Conf::mlperf()?.apply(&mut settings, self.model)?;
        }
        Conf::parse(&self.conf, Author::User, Reading::Lenient)?.apply(&mut settings, self.model)?;
        let mut named = fields(&settings);
        named.insert("mode".to_owned(), json!(settings.mode.to_string()));
        Ok(Value::Object(named))
    }
}
