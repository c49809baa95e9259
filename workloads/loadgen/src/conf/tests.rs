//! What files mean, what is refused with its line, and that no text at all brings the reader down.

use proptest::prelude::*;

use super::*;
use crate::settings::Mode;

fn user(text: &str) -> Result<Conf, ConfError> {
    Conf::parse(text, Author::User, Reading::Strict)
}

fn refused(text: &str) -> String {
    let applied = |conf: Conf| conf.apply(&mut TestSettings::new(Scenario::Server), "resnet50").map(|()| conf);
    user(text).and_then(applied).unwrap_err().to_string()
}

/// ResNet50's rules in 6.0.17, as measured with the official package.
#[test]
fn the_official_rules_are_read() {
    let rules = |scenario| {
        let mut settings = TestSettings::new(scenario);
        Conf::mlperf().unwrap().apply(&mut settings, "resnet50").unwrap();
        settings
    };
    let server = rules(Scenario::Server);
    assert_eq!(server.qsl_rng_seed, 2_085_463_073_848_966_840);
    assert_eq!(server.sample_index_rng_seed, 2_747_215_439_041_700_203);
    assert_eq!(server.schedule_rng_seed, 16_159_082_839_903_944_936);
    assert_eq!((server.min_duration_ms, server.server_target_latency_ns), (600_000, 15_000_000));
    assert!((server.server_target_latency_percentile - 0.99).abs() < 1e-15);
    assert_eq!(server.performance_sample_count_override, 1024);
    assert_eq!(rules(Scenario::Offline).min_query_count, 24_576);
    assert_eq!(rules(Scenario::MultiStream).min_query_count, 662);
    let mut language = TestSettings::new(Scenario::Server);
    let error = Conf::mlperf().unwrap().apply(&mut language, "llama2-70b").unwrap_err();
    assert!(matches!(error.problem, Problem::Tokens(_)), "{error}");
}

/// Model and scenario before scenario, before model, before all, whatever their order; a user's file over the rules.
#[test]
fn particular_lines_win() {
    let text = "\u{feff}\
# The order of lines does not matter.
*.*.min_query_count = 1
resnet50.*.min_query_count = 2
*.Server.min_query_count = 3
resnet50.Server.min_query_count = 0x5
wan-2.2-t2v.*.max_query_count = 7
";
    let count = |model: &str, scenario| {
        let mut settings = TestSettings::new(scenario);
        user(text).unwrap().apply(&mut settings, model).unwrap();
        (settings.min_query_count, settings.max_query_count)
    };
    assert_eq!(count("resnet50", Scenario::Server), (5, 0));
    assert_eq!(count("bert", Scenario::Server), (3, 0));
    assert_eq!(count("resnet50", Scenario::Offline), (2, 0));
    assert_eq!(count("wan-2.2-t2v", Scenario::Offline), (1, 7));
    let mut settings = TestSettings::new(Scenario::Server);
    Conf::mlperf().unwrap().apply(&mut settings, "resnet50").unwrap();
    let mine = "*.Server.target_latency = 20\n*.Server.target_qps = 12.5\n*.*.mode = 1\n*.*.min_duration = 60000.0\n";
    user(mine).unwrap().apply(&mut settings, "resnet50").unwrap();
    assert_eq!((settings.server_target_latency_ns, settings.server_target_qps), (20_000_000, 12.5));
    assert_eq!((settings.mode, settings.min_duration_ms), (Mode::AccuracyOnly, 60_000));
}

/// What is wrong is told with its line and what would be right.
#[test]
fn wrong_lines_are_named() {
    for (text, expected) in [
        ("\n*.Server.traget_qps = 5", "line 2: unknown key \"traget_qps\"; did you mean \"target_qps\"?"),
        ("*.Serve.target_qps = 5", "line 1: unknown scenario \"Serve\"; accepted: SingleStream"),
        ("*.*.qsl_rng_seed = 5", "line 1: qsl_rng_seed is set by the benchmark's rules"),
        ("*.Server.target_qps 5", "line 1: expected 'model.scenario.key = value'"),
        ("*.Server.target_qps =", "line 1: expected 'model.scenario.key = value'"),
        ("*.Server.target_qps = 5 6", "line 1: expected 'model.scenario.key = value'"),
        ("target_qps = 5", "line 1: expected 'model.scenario.key = value'"),
        ("*.Server.target_qps = many", "line 1: \"many\" is no number"),
        ("*.Server.target_qps = 5 # fast", "line 1: \"#\" is no number"),
        ("*.Server.target_qps = inf", "line 1: target_qps: inf is no finite decimal number"),
        ("*.*.min_query_count = 1e3", "line 1: min_query_count: 1e3 is no whole number"),
        ("*.*.min_query_count = -1", "line 1: min_query_count: -1 is no whole number"),
        ("*.*.min_query_count = 99999999999999999999", "line 1: min_query_count: 99999999999999999999 is no whole"),
        ("*.Server.target_latency = 0.5", "line 1: target_latency: 0.5 is no whole number"),
        ("*.Server.target_latency = 99999999999999", "line 1: target_latency: 99999999999999 ms do not fit a clock"),
        ("*.*.mode = 1\n# again\n*.*.mode = 2", "line 3: *.*.mode is in line 1 already"),
        ("*.*.mode = 4", "line 1: mode: 4 is none; accepted: 0 (submission run)"),
        ("*.*.use_token_latencies = 1", "line 1: resnet50.use_token_latencies asks for token latencies"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

/// Lenient reading does as the official package: it passes over what it does not know, and cuts numbers short. It says what it passed over.
#[test]
fn lenient_reading_is_the_official_one() {
    let text = "*.*.qsl_rng_seed = 5\n*.Server.traget_qps = 5\n*.*.min_query_count = 1e3\n*.*.max_query_count = 5 6\nalone\n*.*.max_query_count = 7\n";
    let conf = Conf::parse(text, Author::User, Reading::Lenient).unwrap();
    let mut settings = TestSettings::new(Scenario::Server);
    conf.apply(&mut settings, "resnet50").unwrap();
    assert_eq!(
        settings,
        TestSettings { min_query_count: 1, max_query_count: 7, ..TestSettings::new(Scenario::Server) }
    );
    let lines: Vec<usize> = conf.ignored().iter().map(|ignored| ignored.line).collect();
    assert_eq!(lines, [1, 2, 4, 5]);
    assert!(Conf::parse("*.*.mode : 5", Author::User, Reading::Lenient).is_err(), "the official one refuses that, too");
}

/// Every known key is taken, and in `most_like`'s reach.
#[test]
fn keys_are_their_own_likeness() {
    for known in KEYS {
        assert_eq!(most_like(known.key), known.key);
        assert!(Conf::parse(&format!("*.*.{} = 1", known.key), Author::Mlperf, Reading::Strict).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    /// Any text is read or refused, with a line that it has; nothing panics, and lenient reading takes all that strict reading takes.
    #[test]
    fn any_text_is_answered(
        lines in prop::collection::vec(
            prop_oneof![
                "\\PC{0,40}",
                "(\\*|resnet50|a\\.b)\\.(\\*|Server|Offline|x)\\.(target_latency|target_qps|mode|min_duration|x) = [-+.0-9a-fxe#]{0,24}",
            ],
            0..8,
        )
    ) {
        let text = lines.join("\n");
        for author in [Author::User, Author::Mlperf] {
            let strict = Conf::parse(&text, author, Reading::Strict);
            let lenient = Conf::parse(&text, author, Reading::Lenient);
            prop_assert!(strict.is_err() || lenient.is_ok(), "{text}");
            for conf in [strict, lenient] {
                let mut settings = TestSettings::new(Scenario::Server);
                if let Err(error) = conf.and_then(|conf| conf.apply(&mut settings, "resnet50")) {
                    prop_assert!((1..=text.lines().count()).contains(&error.line), "{error}");
                }
            }
        }
    }
}
