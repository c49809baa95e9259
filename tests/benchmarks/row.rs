//! Choosing rows, and taking a time.

use jostle::clock::{Clock as _, RealClock};

use crate::{
    harness::{
        BenchError,
        row::{Row, chosen, milliseconds},
    },
    row_with_bars,
};

/// A part of a name chooses, several choose together, none chooses all, and a wrong one nothing.
#[test]
fn rows_are_chosen_by_parts_of_names() {
    let names = |parts: &[&str]| {
        let row = |name| Row { name, ..row_with_bars(None, None) };
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        let rows = chosen(vec![row("paired-t"), row("block-bootstrap"), row("block-sum")], &parts);
        rows.iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&["block"]), ["block-bootstrap", "block-sum"]);
    assert_eq!(names(&["sum", "paired"]), ["paired-t", "block-sum"]);
    assert_eq!(names(&[]).len(), 3);
    assert!(names(&["speed"]).is_empty());
}

/// Work that goes on until a millisecond has passed took one at least, and a failure passes through.
#[test]
fn work_is_timed_in_milliseconds() {
    let took = milliseconds(|| {
        let clock = RealClock::start();
        let start = clock.now();
        while clock.now().since(start).as_micros() < 1000 {}
        Ok(())
    });
    assert!(took.unwrap() >= 1.0);
    assert!(milliseconds(|| Err::<(), _>(BenchError::Peer("gone".into()))).is_err());
}
