//! Commands that ask a user's Prometheus, and every way to get one wrong that only a run can tell.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Command,
    thread,
    time::Instant,
};

use crate::{
    bench::Bench,
    compress::{number, one_arm, short, with_job},
    small::{alone, nothing_left},
};

/// Stands for a user's Prometheus: answers every query with what grows by ten a second, `answers` times; then it is gone. Returns its
/// address.
#[expect(clippy::disallowed_methods, reason = "a server has a clock of its own")]
fn counter(answers: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let began = Instant::now();
        for stream in listener.incoming().take(answers) {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"query=sum%28done%29") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            let value = began.elapsed().as_secs_f64() * 10.0;
            let body =
                format!(r#"{{"data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{value}"]}}]}}}}"#);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    address
}

/// The example with its progress asked of a Prometheus.
fn asked(name: &str, url: &str) -> String {
    let source = format!("progress: {{ prometheus: 'sum(done)', url: '{url}' }}");
    let text = short(name).replace("progress: { regex: '^compressed (\\d+) MB$' }", &source);
    let text = text.replace("counts: each", "counts: total").replace("metric: throughput", "metric: duration");
    assert!(text.contains(&source) && text.contains("metric: duration"));
    one_arm(&text)
}

/// Progress by a query, and a metric of which less is better: ten units a second, whatever happens on the machine, are 0.1 s for a unit
/// in every arm (the two copies together make them, see `duration`), and so nothing is lost.
#[test]
fn progress_by_a_query() {
    let _alone = alone();
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("asked.yaml", asked("asked", &counter(usize::MAX)))]);
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
    let report = bench.json("runs/latest/report.json");
    assert_eq!((&report["metric"]["name"], &report["metric"]["unit"]), (&"duration".into(), &"s/MB".into()));
    for arm in report["arms"].as_array().unwrap() {
        for trial in arm["trials"].as_array().unwrap() {
            let value = number(&trial["throughput"]["value"]);
            assert!((0.095..0.105).contains(&value), "{trial}");
        }
    }
    for row in report["comparisons"].as_array().unwrap() {
        let loss = number(&row["degradation_percent"]["value"]);
        assert!(loss.abs() < 3.0, "{row}");
    }
    nothing_left(&bench);
}

/// A Prometheus of the user's that goes away is named with its address; one that was never there, before anything is made.
#[test]
fn a_prometheus_that_goes_away() {
    let _alone = alone();
    for answers in [0, 6] {
        let bench = Bench::new();
        let url = counter(answers);
        let done = bench.run(&["run", bench.file("asked.yaml", asked("gone", &url))]);
        assert_eq!(done.code(), 3, "{}{}", done.out(), done.err());
        assert!(done.err().contains("progress.prometheus: ") && done.err().contains(&url), "{}", done.err());
        assert!(done.err().contains("accepted: the address of a Prometheus that runs"), "{}", done.err());
        nothing_left(&bench);
    }
}

/// A job that cannot be run, or does not say what it does: exit code 3, the copy and the cause, an accepted example, nothing left.
#[test]
fn commands_that_fail() {
    let _alone = alone();
    for (name, script, words) in [
        ("ends", "echo no such table >&2; exit 7", &["exit status: 7", "no such table"][..]),
        ("silent", "exec sleep 100", &["no line of its standard output", "it wrote none"]),
        ("prose", "while echo working; do sleep 0.1; done", &["no line of its standard output", "\"working\""]),
    ] {
        let bench = Bench::new();
        let done = bench.run(&["run", bench.file("custom.yaml", with_job(name, script))]);
        assert_eq!(done.code(), 3, "{}{}", done.out(), done.err());
        for word in words.iter().chain(&["executor-n", "accepted: "]) {
            assert!(done.err().contains(word), "{word}: {}", done.err());
        }
        nothing_left(&bench);
    }
    // The same with numbers that are none, or fall.
    for (regex, script, word) in [
        ("^(.*)$", "while echo working; do sleep 0.1; done", "\"working\" is no number"),
        ("^(.*)$", "n=9; while echo $n; do n=$((n-1)); sleep 0.1; done", "went backwards, from 9 to 8"),
    ] {
        let bench = Bench::new();
        let text = with_job("nonsense", script)
            .replace("^compressed (\\d+) MB$", regex)
            .replace("counts: each", "counts: total");
        let done = bench.run(&["run", bench.file("custom.yaml", text)]);
        assert_eq!(done.code(), 3, "{}{}", done.out(), done.err());
        assert!(done.err().contains(word) && done.err().contains("accepted: "), "{}", done.err());
        nothing_left(&bench);
    }
}

/// A co-tenant that ends is a failed run too, and named.
#[test]
fn a_tenant_that_ends() {
    let _alone = alone();
    let bench = Bench::new();
    let text = short("tenant").replace("while cc -O2 -c big.c -o big.o; do :; done", "cc -c absent.c");
    let done = bench.run(&["run", bench.file("custom.yaml", text)]);
    assert_eq!(done.code(), 3, "{}{}", done.out(), done.err());
    assert!(done.err().contains("tenant-compiler") && done.err().contains("absent.c"), "{}", done.err());
    nothing_left(&bench);
}

/// A command is found from the experiment file's folder, wherever jostle is started, and after `resume` too.
#[test]
fn commands_are_found_from_the_file() {
    let _alone = alone();
    let bench = Bench::new();
    fs::create_dir(bench.path("there")).unwrap();
    fs::write(bench.path("there/work.sh"), "#!/bin/sh\nwhile echo compressed 2 MB; do sleep 0.05; done\n").unwrap();
    assert!(Command::new("chmod").arg("+x").arg(bench.path("there/work.sh")).status().unwrap().success());
    let text = with_job("found", "true").replacen(
        "        - sh\n        - -c\n        - |\n          true\n",
        "        - ./work.sh\n",
        1,
    );
    let text = text.replace("fixed: 3", "fixed: 1").replace("window: 4s", "window: 1500ms");
    fs::write(bench.path("there/custom.yaml"), text).unwrap();
    let done = bench.run(&["run", "there/custom.yaml"]);
    assert_eq!(done.code(), 4, "one block is refused by the method, not by the machine: {}", done.err());
    // As if it had been interrupted after its only block: nothing is left to run, but everything is looked for.
    let journal = bench.read("runs/latest/journal.jsonl");
    let open = journal.lines().take_while(|line| !line.contains("\"finished\"")).collect::<Vec<_>>().join("\n") + "\n";
    fs::write(bench.path("runs/latest/journal.jsonl"), open).unwrap();
    assert_eq!(bench.run(&["resume", "runs/latest"]).code(), 4);
    fs::remove_file(bench.path("there/work.sh")).unwrap();
    let open = bench.read("runs/latest/journal.jsonl");
    let open = open.lines().take_while(|line| !line.contains("\"finished\"")).collect::<Vec<_>>().join("\n") + "\n";
    fs::write(bench.path("runs/latest/journal.jsonl"), open).unwrap();
    let gone = bench.run(&["resume", "runs/latest"]);
    assert!(gone.code() == 3 && gone.err().contains("there/work.sh"), "{}", gone.err());
    nothing_left(&bench);
}
