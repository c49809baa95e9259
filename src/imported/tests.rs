//! What a file says, and every way to get one wrong.

mod fuzz;

use jostle_analysis::{Code, Rule, Session};

use super::{ImportError, Order, Paired, Runs, pair, read};
use crate::{experiment::Metric, units::BlockId};

/// The codes at the usual confidence.
fn codes(session: &Session) -> Vec<Code> {
    jostle_analysis::codes(session, 0.95, &Rule::Fixed { blocks: 6 })
}

const HEADER: &str = "block,arm,position,throughput\n";

fn runs(text: &str) -> Result<Runs, ImportError> {
    read(text.as_bytes(), Metric::Throughput)
}

fn paired(text: &str) -> Result<Paired, ImportError> {
    pair(&runs(text)?, "baseline", Metric::Throughput)
}

/// A file of two arms: `(baseline, beside)` per block, the baseline second in even blocks.
fn file(pairs: &[(f64, f64)]) -> String {
    let rows = pairs.iter().enumerate().map(|(index, (baseline, beside))| {
        let (block, first) = (index + 1, 1 + index % 2);
        format!("{block},baseline,{first},{baseline}\n{block},beside,{},{beside}\n", 3 - first)
    });
    HEADER.to_owned() + &rows.collect::<String>()
}

/// Everything of a whole file, whatever its order of rows and columns.
#[test]
fn a_whole_file() {
    let text = "\u{feff}host,position,throughput,arm,block\r\na,2, 1.1e2,beside,9\r\n\r\nb,1,\"100\", baseline ,9\r\nc,1,90,beside,2\r\n,2,95.5,baseline,2\r\n";
    let found = runs(text).unwrap();
    assert_eq!(
        (found.arms.as_slice(), found.unused.as_slice()),
        (&["beside", "baseline"].map(str::to_owned)[..], &["host".to_owned()][..])
    );
    assert_eq!(
        found.runs.iter().map(|run| (run.line, run.block.0, run.value)).collect::<Vec<_>>(),
        [(2, 9, 110.0), (4, 9, 100.0), (5, 2, 90.0), (6, 2, 95.5)]
    );
    let paired = pair(&found, "baseline", Metric::Throughput).unwrap();
    assert_eq!(
        (paired.arms(), paired.blocks()),
        (&["baseline", "beside"].map(str::to_owned)[..], &[BlockId(2), BlockId(9)][..])
    );
    assert_eq!((paired.values(0), paired.values(1)), (vec![95.5, 100.0], vec![90.0, 110.0]));
    let session = paired.session(1, false);
    assert_eq!((session.baseline, session.colocated), (vec![95.5, 100.0], vec![90.0, 110.0]));
    assert_eq!(session.planned, [[1, 0], [0, 1]]);
    assert_eq!(session.executed.iter().map(|block| &block.arms).collect::<Vec<_>>(), [&[1, 0], &[0, 1]]);
}

/// Any arm can be the baseline: what it says does not depend on its place in the file.
#[test]
fn any_arm_is_the_baseline() {
    let text = HEADER.to_owned() + "1,a,1,1\n1,b,2,2\n1,c,3,3\n2,a,3,10\n2,b,1,20\n2,c,2,30\n";
    let found = runs(&text).unwrap();
    for (baseline, order, factor) in
        [("a", ["a", "b", "c"], 1.0), ("b", ["b", "a", "c"], 2.0), ("c", ["c", "a", "b"], 3.0)]
    {
        let paired = pair(&found, baseline, Metric::Throughput).unwrap();
        assert_eq!(paired.arms(), order);
        assert_eq!(paired.values(0), [factor, 10.0 * factor]);
    }
}

/// Of a duration the inverse is compared.
#[test]
fn durations_are_turned_over() {
    let text = "block,arm,position,duration\n1,baseline,1,2\n1,beside,2,4\n";
    for text in [text.to_owned(), text.replace("duration", "value")] {
        let found = read(text.as_bytes(), Metric::Duration).unwrap();
        let paired = pair(&found, "baseline", Metric::Duration).unwrap();
        assert_eq!((paired.values(1), paired.session(1, false).colocated), (vec![4.0], vec![0.25]));
    }
}

/// Every refusal of the reader: the place, and words of the reason; all show what would have been accepted.
#[test]
fn refusals_name_line_and_column() {
    let row = |row: &str| format!("{HEADER}1,baseline,1,112\n{row}\n");
    let cases = [
        (String::new(), " is empty"),
        ("\u{feff}".to_owned(), " is empty"),
        (HEADER.to_owned(), " has a header, but no runs"),
        (
            "block;arm;position;throughput\n1;baseline;1;112\n".to_owned(),
            "1: the header has no column block; cells are parted by commas",
        ),
        ("arm,position,throughput\n".to_owned(), "1: the header has no column block"),
        ("block,position,throughput\n".to_owned(), "1: the header has no column arm"),
        ("block,arm,throughput\n".to_owned(), "1: the header has no column position"),
        ("\nblock,arm,position,speed\n".to_owned(), "2: the header has no column throughput"),
        ("block,arm,position,throughput,arm\n".to_owned(), "1:5: \"arm\" is the name of column 2 already"),
        ("block,arm,position,throughput,\"a\n1,x,1,1".to_owned(), "1:5: \"a\\n1,x,1,1\" holds a quote"),
        (row("1,beside,2"), "3: has 3 cells, and the header has 4"),
        (row("1,beside,2,112,6"), "3: has 5 cells, and the header has 4"),
        (row("1,beside,2,\"112\n2,baseline,1,112"), "3:4: holds the end of a line: a quote was left open"),
        (row("0,beside,2,112"), "3:1: block is \"0\": it must be a whole number from 1 on"),
        (row("1.0,beside,2,112"), "3:1: block is \"1.0\""),
        (row("-1,beside,2,112"), "3:1: block is \"-1\""),
        (row("4294967296,beside,2,112"), "3:1: block is \"4294967296\""),
        (row(",beside,2,112"), "3:1: block is \"\""),
        (row("1,,2,112"), "3:2: arm is \"\": it must be a name"),
        (row("1,\u{1b}[31m,2,112"), "3:2: arm is \"\\u{1b}[31m\": it must be a name"),
        (row(&format!("1,{},2,112", "x".repeat(65))), "3:2: arm is \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\""),
        (row("1,beside,0,112"), "3:3: position is \"0\": it must be a whole number"),
        (row("1,beside,second,112"), "3:3: position is \"second\""),
        (row("1,beside,+2,112"), "3:3: position is \"+2\""),
        (row("1,beside,2,-3"), "3:4: throughput is \"-3\": it must be finite and above 0"),
        (row("1,beside,2,0"), "3:4: throughput is \"0\""),
        (row("1,beside,2,NaN"), "3:4: throughput is \"NaN\""),
        (row("1,beside,2,inf"), "3:4: throughput is \"inf\""),
        (row("1,beside,2,-inf"), "3:4: throughput is \"-inf\""),
        (row("1,beside,2,1e400"), "3:4: throughput is \"1e400\""),
        (row("1,beside,2,1e-400"), "3:4: throughput is \"1e-400\""),
        (row("1,beside,2,1e-151"), "3:4: throughput is \"1e-151\""),
        (row("1,beside,2,1e151"), "3:4: throughput is \"1e151\""),
        (row("1,beside,2,112 img/s"), "3:4: throughput is \"112 img/s\""),
        (row("1,beside,2,"), "3:4: throughput is \"\""),
    ];
    for (text, wanted) in cases {
        let error = runs(&text).unwrap_err();
        let told = error.to_string();
        assert!(told.starts_with(wanted), "{text:?}: {told}");
        assert!(told.contains("\n  accepted: "), "{told}");
    }
    let error = read(b"block,arm,position,throughput\n1,\xff,1,112\n", Metric::Throughput).unwrap_err();
    assert_eq!((error.line, error.column), (Some(2), Some(2)));
    let both = "block,arm,position,latency,value\n";
    let told = read(both.as_bytes(), Metric::Latency).unwrap_err().to_string();
    assert!(told.starts_with("1:5: there is a column latency beside the column value"), "{told}");
    assert!(read(both.as_bytes(), Metric::Duration).unwrap_err().to_string().contains("no runs"));
    assert!(runs("block,arm,position,value\n").unwrap_err().to_string().contains("no column throughput"));
}

/// More arms than a comparison has are another column, taken for arms.
#[test]
fn too_many_arms() {
    let text =
        |arms: usize| HEADER.to_owned() + &(0..arms).map(|arm| format!("1,a{arm},{},1\n", arm + 1)).collect::<String>();
    assert_eq!(runs(&text(64)).unwrap().arms.len(), 64);
    assert!(runs(&text(65)).unwrap_err().to_string().starts_with("66:2: arm is \"a64\": it would be the 65th arm"));
}

/// Every refusal of the blocks: nothing is left out to make the rest fit.
#[test]
fn blocks_are_whole_or_refused() {
    let cases = [
        ("1,a,1,5\n1,b,2,5\n", " has no arm \"baseline\"; its arms are \"a\", \"b\""),
        ("1,baseline,1,5\n2,baseline,1,5\n", " has the one arm \"baseline\""),
        ("1,baseline,1,5\n1,b,2,5\n1,b,3,6\n", "4: block 1 has a run of \"b\" in line 3 already"),
        ("1,baseline,1,5\n1,b,2,5\n\n3,b,1,5\n", "5: block 3, which begins here, has no run of \"baseline\""),
        ("1,baseline,1,5\n1,b,2,5\n2,baseline,1,5\n", "4: block 2, which begins here, has no run of \"b\""),
        (
            "1,baseline,1,5\n1,b,2,5\n1,c,3,5\n2,c,1,5\n2,baseline,2,5\n",
            "5: block 2, which begins here, has no run of \"b\"",
        ),
        (
            "1,baseline,1,5\n2,baseline,1,5\n3,b,1,5\n4,b,1,5\n",
            " has no block with a run of \"baseline\" and of another arm: the runs are not paired",
        ),
        ("1,baseline,1,5\n1,b,2,5\n2,baseline,1,5\n2,b,,5\n", "5:3: position is \"\", and other rows have one"),
        ("1,baseline,1,5\n1,b,2,5\n2,baseline,3,5\n2,b,1,5\n", "4:3: position is \"3\", and a block has 2 runs"),
        (
            "1,baseline,1,5\n1,b,2,5\n2,b,1,5\n2,baseline,1,5\n",
            "4:3: position is \"1\", as in line 5 of the same block",
        ),
    ];
    for (rows, wanted) in cases {
        let told = paired(&(HEADER.to_owned() + rows)).unwrap_err().to_string();
        assert!(told.starts_with(wanted), "{rows:?}: {told}");
        assert!(told.contains("\n  accepted: "), "{told}");
    }
}

/// An order that never changes, or that is not told, raises D1 from three blocks on; one that changes does not.
#[test]
fn fixed_orders_are_refused() {
    let order = |positions: &[(&str, &str)]| {
        let rows = positions.iter().enumerate().map(|(block, (baseline, beside))| {
            let block = block + 1;
            format!("{block},baseline,{baseline},{}\n{block},beside,{beside},{}\n", 100 + block, 90 + 2 * block)
        });
        let paired = paired(&(HEADER.to_owned() + &rows.collect::<String>())).unwrap();
        (paired.order(1), codes(&paired.session(1, false)).contains(&Code::D1))
    };
    assert_eq!(order(&[("1", "2"), ("2", "1"), ("1", "2")]), (Order::Varied, false));
    assert_eq!(order(&[("1", "2"), ("1", "2"), ("1", "2")]), (Order::BaselineFirst, true));
    assert_eq!(order(&[("2", "1"), ("2", "1"), ("2", "1")]), (Order::BaselineLast, true));
    assert_eq!(order(&[("1", "2"), ("1", "2")]), (Order::Varied, false));
    assert_eq!(order(&[("", ""), ("", ""), ("", "")]), (Order::Unknown, true));
    assert_eq!(order(&[("1", "1"), ("1", "1"), ("1", "1")]), (Order::Unknown, true));
}

/// Of three arms each is looked at beside the baseline.
#[test]
fn orders_of_three_arms() {
    let rows = |orders: &[[&str; 3]]| {
        let rows = orders.iter().enumerate().flat_map(|(block, order)| {
            order.iter().enumerate().map(move |(at, arm)| format!("{},{arm},{},{}\n", block + 1, at + 1, 100 + block))
        });
        paired(&(HEADER.to_owned() + &rows.collect::<String>())).unwrap()
    };
    let orders = |paired: &Paired| {
        let of = |name: &str| paired.order(paired.arms().iter().position(|arm| arm == name).unwrap());
        (of("b"), of("c"))
    };
    let varied = rows(&[["baseline", "b", "c"], ["c", "baseline", "b"], ["b", "c", "baseline"]]);
    assert_eq!(orders(&varied), (Order::Varied, Order::Varied));
    let before = rows(&[["baseline", "b", "c"], ["c", "baseline", "b"], ["baseline", "c", "b"]]);
    assert_eq!(orders(&before), (Order::BaselineFirst, Order::Varied));
    let middle = rows(&[["b", "baseline", "c"], ["c", "baseline", "b"], ["b", "baseline", "c"]]);
    assert_eq!(orders(&middle), (Order::SamePosition, Order::SamePosition));
}

/// The codes of few blocks, of equal values and of a hand that ended it are those of the method.
#[test]
fn codes_are_those_of_the_method() {
    let codes = |pairs: &[(f64, f64)], by_hand| codes(&paired(&file(pairs)).unwrap().session(1, by_hand));
    let pairs = [(112.0, 110.0), (113.0, 110.5), (111.5, 109.0), (112.5, 110.6), (112.2, 109.5), (111.8, 109.9)];
    assert_eq!(codes(&pairs, false), []);
    assert_eq!(codes(&pairs, true), [Code::P1]);
    assert_eq!(codes(&pairs[..1], false), [Code::N1]);
    assert_eq!(codes(&pairs[..2], false), [Code::N1]);
    assert_eq!(codes(&pairs[..5], false), [Code::N2]);
    assert_eq!(codes(&[(112.0, 112.0); 6], false), [Code::Y1]);
    assert_eq!(codes(&[(112.0, 110.0); 6], false), [Code::Y1]);
}

/// A million blocks are read, paired and made a session; the bound of a file lies above them.
#[test]
fn a_million_blocks() {
    let mut text = HEADER.to_owned();
    for block in 1..=1_000_000u32 {
        let (first, second) = if block % 3 == 0 { (2, 1) } else { (1, 2) };
        let noise = f64::from(block.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
        text.push_str(&format!(
            "{block},baseline,{first},{}\n{block},beside,{second},{}\n",
            100.0 + noise,
            97.0 + noise / 2.0
        ));
    }
    assert!((text.len() as u64) < super::LONGEST_FILE / 2, "{}", text.len());
    let session = paired(&text).unwrap().session(1, false);
    assert_eq!(
        (session.baseline.len(), session.colocated.len(), session.executed.len()),
        (1_000_000, 1_000_000, 1_000_000)
    );
    assert_eq!(codes(&session), []);
}
