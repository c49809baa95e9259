//! Prometheus' JSON -> `Counters`. Pure: bytes in, edges out. What is missing stays missing.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::SocketAddr,
    time::Duration,
};

use serde::Deserialize;

use crate::{
    metrics::{Counters, SampledSeries, Samples, SeriesWindow, name},
    units::Timestamp,
};

/// Labels that Prometheus adds to every series.
const OWN_LABELS: [&str; 3] = ["__name__", "job", "instance"];

/// `/api/v1/query`'s answer, as far as it is read.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

/// A range selector's result is a matrix.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Matrix(Vec<Series>),
}

/// One series: its labels and its raw samples, Unix seconds (to the millisecond) and a number as text, in order of time.
#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// A sample's time in whole milliseconds, as Prometheus stores it.
type Millis = u64;

/// The agent's first line.
#[derive(Deserialize)]
struct Listening {
    listening: SocketAddr,
}

/// Where the agent listens, out of its first line.
pub(super) fn listening(line: &str) -> Result<SocketAddr, String> {
    let parsed: Listening = serde_json::from_str(line).map_err(|e| {
        format!("its first line {:?} is not {{\"listening\":\"127.0.0.1:9100\"}}: {e}", line.trim_end())
    })?;
    if parsed.listening.ip().is_loopback() {
        Ok(parsed.listening)
    } else {
        Err(format!("it listens at {}, not on loopback (127.0.0.1)", parsed.listening))
    }
}

/// What Prometheus says about a query that it refuses, to be put behind the status; empty where it says nothing.
pub(super) fn refusal(body: &[u8]) -> String {
    match serde_json::from_slice::<Answer>(body) {
        Ok(Answer { error, .. }) if !error.is_empty() => format!(": {error}"),
        _ => String::new(),
    }
}

/// How many samples an answer holds, all series together.
pub(super) fn sample_count(body: &[u8]) -> Result<usize, String> {
    Ok(matrix(body)?.iter().map(|series| series.values.len()).sum())
}

/// First and last sample of every series in `[start, end]`, both edges included.
///
/// `scrapes_expected` is the window's length in whole intervals: a window of 12 s at 1 s has 12. Where the scrapes fall so that 13
/// fit, the thirteenth does not count (`scrapes_present` never exceeds `scrapes_expected`); so one that is missing inside such a
/// window goes unnoticed in the count, though not in the raw edges' times.
pub(super) fn counters(body: &[u8], start: Timestamp, end: Timestamp, interval: Duration) -> Result<Counters, String> {
    let matrix = matrix(body)?;
    let read_times = read_times(&matrix, start, end);
    let mut series: Vec<SeriesWindow> = matrix.into_iter().filter_map(|s| edges(s, &read_times)).collect();
    series.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
    let whole_intervals = end.since(start).as_nanos().checked_div(interval.as_nanos()).unwrap_or(0);
    let scrapes_expected = u32::try_from(whole_intervals).unwrap_or(u32::MAX);
    let scrapes_present = u32::try_from(read_times.len()).unwrap_or(u32::MAX).min(scrapes_expected);
    Ok(Counters { start, end, scrapes_expected, scrapes_present, series })
}

/// Every sample of one metric in `[start, end]`, both edges included, laid out on the scrapes whose reading time is known.
pub(super) fn series(body: &[u8], metric: &str, start: Timestamp, end: Timestamp) -> Result<Samples, String> {
    let matrix = matrix(body)?;
    let read_times = read_times(&matrix, start, end);
    let wanted = matrix.into_iter().filter(|s| s.metric.get("__name__").is_some_and(|name| name == metric));
    let lay_out = |mut series: Series| {
        let found: BTreeMap<Millis, f64> = samples(&series).collect();
        series.metric.retain(|label, _| !OWN_LABELS.contains(&label.as_str()));
        let values: Vec<Option<f64>> = read_times.keys().map(|scrape| found.get(scrape).copied()).collect();
        values.iter().any(Option::is_some).then_some(SampledSeries { labels: series.metric, values })
    };
    let mut series: Vec<SampledSeries> = wanted.filter_map(lay_out).collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Samples { times: read_times.into_values().collect(), series })
}

fn matrix(body: &[u8]) -> Result<Vec<Series>, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|e| format!("its answer is no matrix of the query API's version 1: {e}"))?;
    match answer.data {
        Some(Data::Matrix(series)) if answer.status == "success" => Ok(series),
        _ => Err(format!("refused a query: {}", answer.error)),
    }
}

/// When the agent read the counters of each scrape of the window. A scrape without it does not count as one.
fn read_times(matrix: &[Series], start: Timestamp, end: Timestamp) -> BTreeMap<Millis, f64> {
    let reads = matrix.iter().filter(|s| s.metric.get("__name__").is_some_and(|n| n == name::READ_TIME));
    let inside = |t: &Millis| t.checked_mul(1_000_000).is_some_and(|ns| (start.0..=end.0).contains(&ns));
    reads.flat_map(samples).filter(|(t, _)| inside(t)).collect()
}

/// The finite samples. Prometheus writes a series' end (the staleness marker) as a special NaN: there is no value there.
fn samples(series: &Series) -> impl Iterator<Item = (Millis, f64)> {
    series.values.iter().filter_map(|(t, v)| {
        let millis = (t * 1000.0).round();
        let value: f64 = v.parse().ok()?;
        // The cast is exact: whole, and below 2^53 for the next 285 000 years.
        (value.is_finite() && (0.0..9e15).contains(&millis)).then_some((millis as Millis, value))
    })
}

/// Where a series begins and ends inside the window, `None` where it has no sample there.
fn edges(mut series: Series, read_times: &BTreeMap<Millis, f64>) -> Option<SeriesWindow> {
    let mut inside = samples(&series).filter_map(|(t, value)| Some((*read_times.get(&t)?, value)));
    let (first_time, first) = inside.next()?;
    let (mut last_time, mut last, mut samples, mut fell) = (first_time, first, 1, false);
    for (time, value) in inside {
        fell |= value < last;
        (last_time, last) = (time, value);
        samples += 1;
    }
    let metric = match series.metric.entry("__name__".into()) {
        Entry::Occupied(entry) => entry.remove(),
        Entry::Vacant(_) => return None,
    };
    series.metric.retain(|label, _| !OWN_LABELS.contains(&label.as_str()));
    // A gauge may fall.
    let reset = fell && metric.ends_with("_total");
    Some(SeriesWindow { metric, labels: series.metric, samples, first_time, first, last_time, last, reset })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Recorded from Prometheus 2.42, shortened: scrapes at .217 of each second, the agent read 3 ms later.
    const RECORDED: &[u8] = br#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"jostle_agent_read_time_seconds","instance":"127.0.0.1:9","job":"jostle"},
         "values":[[1700000000.217,"1700000000.22"],[1700000001.217,"1700000001.22"],[1700000002.217,"1700000002.22"],[1700000003.217,"1700000003.22"]]},
        {"metric":{"__name__":"jostle_node_cpu_seconds_total","host":"host-0","instance":"127.0.0.1:9","job":"jostle","node":"n0-1"},
         "values":[[1700000000.217,"1.5"],[1700000001.217,"1.6"],[1700000002.217,"1.75"],[1700000003.217,"1.8"]]},
        {"metric":{"__name__":"jostle_host_cpu_seconds_total","host":"host-0","instance":"127.0.0.1:9","job":"jostle"},
         "values":[[1700000000.217,"10"],[1700000001.217,"11"],[1700000002.217,"0.5"],[1700000003.217,"1e+01"]]},
        {"metric":{"__name__":"jostle_pod_memory_bytes","host":"host-0","instance":"127.0.0.1:9","job":"jostle","node":"n0-1","pod":"p","role":"primary"},
         "values":[[1700000001.217,"4096"],[1700000002.217,"2048"],[1700000003.217,"NaN"]]}]}}"#;

    fn at(millis: u64) -> Timestamp {
        Timestamp((1_700_000_000_000 + millis) * 1_000_000)
    }

    fn find<'a>(counters: &'a Counters, metric: &str) -> &'a SeriesWindow {
        counters.series.iter().find(|s| s.metric == metric).unwrap()
    }

    /// The edges are raw values at the agent's own reading times; Prometheus' labels are gone; the order is by name.
    #[test]
    fn edges_are_raw() {
        let counters = counters(RECORDED, at(200), at(3300), SECOND).unwrap();
        let node = find(&counters, name::NODE_CPU);
        assert_eq!((node.first_time, node.first), (1_700_000_000.22, 1.5));
        assert_eq!((node.last_time, node.last, node.samples), (1_700_000_003.22, 1.8, 4));
        assert_eq!(node.labels.keys().collect::<Vec<_>>(), ["host", "node"]);
        assert!(counters.series.is_sorted_by_key(|s| &s.metric));
        assert!(!node.reset);
    }

    /// A counter that went backwards in between is flagged though its edges look fine; a gauge may fall.
    #[test]
    fn reset_is_flagged() {
        let counters = counters(RECORDED, at(0), at(4000), SECOND).unwrap();
        let host = find(&counters, name::HOST_CPU);
        assert!(host.reset && host.last >= host.first);
        assert!(!find(&counters, name::POD_MEMORY).reset);
    }

    /// NaN and samples outside the window are missing, not zero; a series without any is absent.
    #[test]
    fn missing_stays_missing() {
        let all = counters(RECORDED, at(0), at(4000), SECOND).unwrap();
        let memory = find(&all, name::POD_MEMORY);
        assert_eq!((memory.samples, memory.last), (2, 2048.0));
        let start = counters(RECORDED, at(0), at(1000), SECOND).unwrap();
        assert!(start.series.iter().all(|s| s.samples == 1 && s.metric != name::POD_MEMORY));
    }

    /// Both edges belong to the window, to the nanosecond.
    #[test]
    fn edges_are_included() {
        let exact = counters(RECORDED, at(217), at(2217), SECOND).unwrap();
        assert_eq!(find(&exact, name::NODE_CPU).samples, 3);
        let (late, early) = (Timestamp(at(217).0 + 1), Timestamp(at(2217).0 - 1));
        assert_eq!(find(&counters(RECORDED, late, early, SECOND).unwrap(), name::NODE_CPU).samples, 1);
    }

    /// Every scrape of the stretch is there with the time of its reading; a sample that is none, or is not there, is absent, and a
    /// series without any is left out.
    #[test]
    fn samples_lie_on_their_scrapes() {
        let of = |metric, end| series(RECORDED, metric, at(0), end).unwrap();
        let node = of(name::NODE_CPU, at(2500));
        assert_eq!(node.times, [1_700_000_000.22, 1_700_000_001.22, 1_700_000_002.22]);
        assert_eq!(node.series.len(), 1);
        assert_eq!(node.series[0].labels.keys().collect::<Vec<_>>(), ["host", "node"]);
        assert_eq!(node.series[0].values, [Some(1.5), Some(1.6), Some(1.75)]);
        assert_eq!(of(name::POD_MEMORY, at(4000)).series[0].values, [None, Some(4096.0), Some(2048.0), None]);
        let early = of(name::POD_MEMORY, at(1000));
        assert_eq!((early.times.len(), early.series.len()), (1, 0));
    }

    /// Whole intervals are expected; one more that happens to fit does not count; one that is missing does.
    #[test]
    fn scrapes_are_counted() {
        let count = |start, end| {
            let counters = counters(RECORDED, start, end, SECOND).unwrap();
            (counters.scrapes_present, counters.scrapes_expected)
        };
        assert_eq!(count(at(0), at(4000)), (4, 4));
        assert_eq!(count(at(217), at(3217)), (3, 3), "four fit, three are expected");
        assert_eq!(count(at(0), at(6000)), (4, 6));
        assert_eq!(count(at(0), at(999)), (0, 0));
    }

    /// Samples of a scrape whose reading time is not known are not used.
    #[test]
    fn without_reading_time_nothing() {
        let body = String::from_utf8(RECORDED.to_vec()).unwrap().replace("agent_read_time", "agent_other");
        let counters = counters(body.as_bytes(), at(0), at(4000), SECOND).unwrap();
        assert_eq!((counters.scrapes_present, counters.series.len()), (0, 0));
    }

    /// Prometheus' own error text reaches the reader.
    #[test]
    fn error_answer() {
        let body = br#"{"status":"error","errorType":"bad_data","error":"parse error at char 3"}"#;
        assert!(sample_count(body).unwrap_err().contains("parse error at char 3"));
        assert!(sample_count(br#"{"status":"success","data":{"resultType":"vector","result":[]}}"#).is_err());
    }

    /// An agent that is reachable from outside is refused, as is a line that is no address.
    #[test]
    fn agent_address() {
        assert_eq!(listening("{\"listening\":\"127.0.0.1:80\"}\n").unwrap().port(), 80);
        assert!(listening(r#"{"listening":"0.0.0.0:80"}"#).unwrap_err().contains("127.0.0.1"));
        assert!(listening("hello").unwrap_err().contains("listening"));
    }

    fn value() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9]{1,20}", Just("NaN".into()), Just("+Inf".into()), Just("-1e300".into()), ".{0,6}"]
    }

    proptest! {
        /// Whatever the bytes, the answer is a value or an error.
        #[test]
        fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..200), start: u64, end: u64) {
            let _ = counters(&body, Timestamp(start), Timestamp(end), SECOND);
        }

        /// Whatever the numbers in a well-formed matrix, every series that comes out has samples of finite value inside the window.
        #[test]
        fn any_matrix(
            times in proptest::collection::vec(any::<f64>().prop_filter("JSON has no NaN", |t| t.is_finite()), 0..20),
            values in proptest::collection::vec(value(), 20),
            start: u64,
            length in 0..u64::MAX / 2,
            interval: u32,
        ) {
            let samples: Vec<(f64, &String)> = times.iter().copied().zip(&values).collect();
            let series = [name::READ_TIME, name::HOST_CPU]
                .map(|name| serde_json::json!({"metric": {"__name__": name}, "values": samples}));
            let data = serde_json::json!({"resultType": "matrix", "result": series});
            let body = serde_json::json!({"status": "success", "data": data}).to_string();
            let end = Timestamp(start.saturating_add(length));
            let counters = counters(body.as_bytes(), Timestamp(start), end, Duration::from_nanos(interval.into())).unwrap();
            prop_assert!(counters.scrapes_present <= counters.scrapes_expected);
            for s in counters.series {
                prop_assert!(s.samples > 0 && s.first.is_finite() && s.last.is_finite());
            }
        }
    }
}
