//! Commands as job and as co-tenants on real groups: the worked example, and a latency read line by line.

use crate::{
    bench::Bench,
    compress::{number, one_arm, shortened, with_job},
    small::{alone, nothing_left},
};

/// The worked example, shortened. Beside a compiler of the same weight gzip gets half of a node that the two must share, so it
/// loses about half; beside one without a claim it loses little. The hosts are full, and nothing is left.
#[test]
fn compressing_beside_a_compiler() {
    let _alone = alone();
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("compress.yaml", shortened("compress"))]);
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
    let report = bench.json("runs/latest/report.json");
    assert_eq!((&report["metric"]["name"], &report["metric"]["unit"]), (&"throughput".into(), &"MB/s".into()));
    assert_eq!(report["environment"]["primary"]["network"], "custom");
    for arm in report["arms"].as_array().unwrap() {
        let valid = arm["trials"].as_array().unwrap().iter().filter(|trial| trial["outcome"] == "valid");
        assert_eq!(valid.clone().count(), 3, "{arm}");
        for trial in valid {
            assert!(number(&trial["throughput"]["value"]) > 0.0 && trial["throughput"]["unit"] == "MB/s");
            assert!(trial["images"].is_null() && number(&trial["iterations"]) >= 5.0);
            for host in trial["hosts"].as_array().unwrap() {
                let alone = number(&host["tenant_cpu_seconds"]) == 0.0;
                assert_eq!(alone, arm["name"] == "baseline", "{host}");
            }
        }
    }
    let [beside, behind] = [0, 1].map(|index| &report["comparisons"][index]["degradation_percent"]);
    // Two runnable threads of equal weight on one CPU: half each, as the kernel promises; other builds on the machine blur it.
    assert!((35.0..65.0).contains(&number(&beside["value"])), "{beside}");
    assert!(number(&beside["low"]) < 55.0 && number(&beside["high"]) > 45.0, "{beside}");
    assert!(number(&behind["value"]) < 30.0, "{behind}");
    assert!(done.out().contains("Tenants running \"compiler\" on two hosts cost the job"), "{}", done.out());
    assert!(done.out().contains("(not steered, no target)"), "{}", done.out());
    nothing_left(&bench);
}

/// A latency is read line by line, and its mean is told in its unit; beside a compiler of the same weight it is longer.
#[test]
fn latency_by_lines() {
    let _alone = alone();
    let bench = Bench::new();
    let script = "seq 1 20000 > numbers; while :; do t=$(date +%s%N); gzip -c numbers > z; echo took $((($(date +%s%N) - t) / 1000)) us; done";
    let text = with_job("latency", script).replace("^compressed (\\d+) MB$", "^took (\\d+) us$");
    let text = text.replace("unit: MB", "unit: us").replace("metric: throughput", "metric: latency");
    let text = text.replace("counts: each ", "# ");
    let done = bench.run(&["run", bench.file("latency.yaml", one_arm(&text))]);
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
    let report = bench.json("runs/latest/report.json");
    assert_eq!((&report["metric"]["name"], &report["metric"]["unit"]), (&"latency".into(), &"us".into()));
    let row = &report["comparisons"][0];
    let (loss, increase) = (number(&row["degradation_percent"]["value"]), number(&row["increase_percent"]["value"]));
    assert!((25.0..70.0).contains(&loss) && increase > loss, "{row}");
    nothing_left(&bench);
}
