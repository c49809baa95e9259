//! The primary from outside: real processes over real sockets, with the spin kernel.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail as its tests do")]

mod processes;

use std::{collections::BTreeMap, io::Write};

use jostle_kernel::{random::derive, spin as kernel};
use jostle_protocol::{
    VERSION,
    driver::{FromDriver, IterationDone, Order},
    kernel::{KernelSpec, Network},
    line::LIMIT,
    task::{FromExecutor, ToExecutor},
    token::Token,
    warm::{Ended, FromWarm, Prepared, ToWarm},
};
use processes::{Peer, Process, driver, fork, gone, job, pidfd, spin, warm};

fn iteration(driver: &mut Process) -> IterationDone {
    match driver.hear() {
        FromDriver::Iteration(done) => done,
        other => panic!("{other:?}"),
    }
}

fn hello(token: &Token, executor: u32) -> FromExecutor {
    FromExecutor::Hello { version: VERSION, token: token.clone(), executor, slot: 0 }
}

/// Four real executors run iterations to the end: slices, counts, barrier times, the original's lines, and clean exits.
#[test]
fn a_job_runs() {
    let token = Token::random().unwrap();
    let (mut driver, address) = driver(&job(&token, 4, 10));
    let (mut warm, prepared) = warm(spin(300));
    assert!(prepared.cost_us > 50.0 && prepared.provenance.contains("300 us"), "{prepared:?}");
    let pids: Vec<u32> = (0..4).map(|executor| fork(&mut warm, executor, address, &token)).collect();
    for pid in &pids {
        warm.say(&ToWarm::Release { pid: *pid });
    }
    assert!(matches!(driver.hear(), FromDriver::Ready { executors: 4, .. }));

    let done: Vec<IterationDone> = (0..3).map(|_| iteration(&mut driver)).collect();
    driver.say(&Order::Stop);
    let mut done = done;
    let (iterations, images, seconds) = loop {
        match driver.hear() {
            // An iteration may have ended while the order was on its way.
            FromDriver::Iteration(late) => done.push(late),
            FromDriver::Completed { iterations, images, seconds } => break (iterations, images, seconds),
            other => panic!("{other:?}"),
        }
    };
    assert!(driver.end().success());

    let mut spins = kernel::open(&spin(1)).unwrap();
    for (at, iteration) in done.iter().enumerate() {
        assert_eq!(iteration.number, at as u64 + 1);
        let sizes: Vec<(u32, u64)> = iteration.tasks.iter().map(|task| (task.executor, task.images)).collect();
        assert_eq!(sizes, [(0, 2), (1, 3), (2, 2), (3, 3)], "10 images in 4 partitions, by Spark's rule");
        let right = |image: u64| {
            let answer = spins.classify(image as usize, derive(2019, &[iteration.number, image])).unwrap();
            u64::from(answer.class == answer.label)
        };
        assert_eq!(iteration.correct, (0..10).map(right).sum::<u64>(), "crops follow from seed, iteration and image");
        for task in &iteration.tasks {
            assert!(task.cpu_ns > 0 && task.wall_ns <= iteration.end - iteration.start, "{task:?}");
        }
    }
    for pair in done.windows(2) {
        assert!(pair[0].end <= pair[1].start, "the next iteration begins after the barrier");
    }
    let last = done.last().unwrap();
    assert_eq!((iterations, images), (last.number, 10 * last.number));
    let wall = (last.end - done[0].start) as f64 / 1e9;
    assert!((seconds - wall).abs() < 1e-9, "the time of the loop, first iteration included: {seconds} {wall}");

    let log = driver.log();
    let lines: Vec<&str> = log.lines().map(|line| line.split_once("Z: ").unwrap().1).collect();
    assert_eq!(lines.len(), done.len() + 2, "{log}");
    assert_eq!(lines[0], "Running inference loop until told to stop");
    for (line, iteration) in lines[1..].iter().zip(&done) {
        let (number, correct) = (iteration.number, iteration.correct);
        let text = format!(
            "Iteration {number}: 10 images inferred. {correct} or {:.1}% predicted correctly",
            correct as f64 * 10.0
        );
        assert_eq!(*line, text);
    }
    let rate = images as f64 / seconds;
    let text = format!("Test completion: {images} images inferred in {seconds:.1} sec or {rate:.1} images/second");
    assert_eq!(lines[lines.len() - 1], text);

    let ended: BTreeMap<u32, Ended> = (0..4)
        .map(|_| match warm.hear() {
            FromWarm::Exited { pid, ended, .. } => (pid, ended),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ended, pids.iter().map(|pid| (*pid, Ended::Code(0))).collect(), "executors end with their driver");
    warm.close_input();
    assert!(warm.end().success());
    assert_eq!(warm.log(), "", "nothing went wrong");
}

/// No slot gets a task of the next iteration before every slot has answered: one that has answered hears nothing meanwhile.
#[test]
fn the_barrier_holds() {
    let token = Token::random().unwrap();
    let (mut driver, address) = driver(&job(&token, 3, 9));
    let mut peers: Vec<Peer> = (0..3).map(|_| Peer::connect(address)).collect();
    for (executor, peer) in peers.iter_mut().enumerate() {
        peer.say(&hello(&token, executor as u32));
    }
    assert!(matches!(driver.hear(), FromDriver::Ready { .. }));
    for number in 1..4 {
        for (at, peer) in peers.iter_mut().enumerate() {
            let (partition, from) = (at as u32, 3 * at as u64);
            let task = ToExecutor::Task { iteration: number, partition, from, to: from + 3, seed: 2019 };
            assert_eq!(peer.hear::<ToExecutor>(), task);
        }
        // Another one answers last each time.
        for step in 0..3 {
            for peer in &peers {
                assert!(peer.is_silent(), "a task of the next iteration came before the barrier");
            }
            let at = (number as usize + step) % 3;
            let partition = at as u32;
            peers[at].say(&FromExecutor::TaskDone { partition, images: 3, correct: 2, cpu_ns: 5, wall_ns: 6 });
        }
        let done = iteration(&mut driver);
        assert_eq!((done.number, done.images, done.correct), (number, 9, 6));
    }
    driver.close_input();
    assert!(matches!(driver.hear(), FromDriver::Completed { iterations: 3, images: 27, .. }));
    assert!(driver.end().success(), "the end of its input is an order to stop");
}

/// Who has not the token, or another version, or no manners, is told why and kept out; the job goes on without them.
#[test]
fn strangers_are_refused() {
    let token = Token::random().unwrap();
    let (mut driver, address) = driver(&job(&token, 1, 1));
    let refused = |peer: &mut Peer| match peer.hear() {
        ToExecutor::Refused { why } => why,
        other => panic!("{other:?}"),
    };

    let mut peer = Peer::connect(address);
    peer.say(&hello(&Token::random().unwrap(), 0));
    assert!(refused(&mut peer).contains("wrong token"));
    assert!(peer.is_closed());

    let mut peer = Peer::connect(address);
    peer.say(&FromExecutor::Hello { version: 2, token: token.clone(), executor: 0, slot: 0 });
    assert!(refused(&mut peer).contains("version 2"));

    let mut peer = Peer::connect(address);
    peer.say(&hello(&token, 1));
    assert!(refused(&mut peer).contains("executor 1, slot 0 is not part of this job"));

    let mut peer = Peer::connect(address);
    // All in one write, and no more than the driver reads before it refuses: else a reset would overtake its answer.
    peer.stream.write_all(&[b'x'; 8192]).unwrap();
    assert!(refused(&mut peer).contains("longer than 4096 bytes"));

    let mut wrong = warm(spin(1)).0;
    let pid = fork(&mut wrong, 0, address, &Token::random().unwrap());
    wrong.say(&ToWarm::Release { pid });
    assert_eq!(wrong.hear::<FromWarm>(), FromWarm::Exited { pid, id: 0, ended: Ended::Code(1) });
    assert!(wrong.log().contains("executor 0, slot 0: the driver refused it: wrong token"), "{}", wrong.log());

    let mut peer = Peer::connect(address);
    peer.say(&hello(&token, 0));
    assert!(matches!(driver.hear(), FromDriver::Ready { executors: 1, .. }));
    let log = driver.log();
    assert_eq!(log.matches("driver: refused a connection from 127.0.0.1:").count(), 5, "{log}");
    assert!(!log.contains(serde_json::to_value(&token).unwrap().as_str().unwrap()), "the token shows");
}

/// A registered executor that sends an endless line, or breaks the protocol, ends the job by name.
#[test]
fn broken_executors_are_named() {
    let endless = vec![b'x'; LIMIT + 16 * 1024];
    let too_many = br#"{"type":"taskDone","partition":0,"images":7,"correct":7,"cpuNs":1,"wallNs":1}"#;
    let mut too_many = too_many.to_vec();
    too_many.push(b'\n');
    for (bytes, expected) in [(endless, "longer than 1048576 bytes"), (too_many, "broke the protocol")] {
        let token = Token::random().unwrap();
        let (mut driver, address) = driver(&job(&token, 1, 1));
        let mut peer = Peer::connect(address);
        peer.say(&hello(&token, 0));
        assert!(matches!(driver.hear(), FromDriver::Ready { .. }));
        // The driver may hang up before all of it was sent.
        drop(peer.stream.write_all(&bytes));
        match driver.hear() {
            FromDriver::ExecutorLost { executor: 0, slot: 0, why } => assert!(why.contains(expected), "{why}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(driver.end().code(), Some(1));
    }
}

/// An executor that is killed in the middle of an iteration is named by the driver and by the warm parent; the job ends.
#[test]
fn a_killed_executor_is_named() {
    let token = Token::random().unwrap();
    let (mut driver, address) = driver(&job(&token, 2, 2));
    // The other one never answers: the iteration cannot end first.
    let (mut warm, _) = slow_warm();
    let pids = [fork(&mut warm, 0, address, &token), fork(&mut warm, 1, address, &token)];
    let mut idle = Peer::connect(address);
    warm.say(&ToWarm::Release { pid: pids[1] });
    idle.say(&hello(&token, 0));
    assert!(matches!(driver.hear(), FromDriver::Ready { .. }));
    assert!(matches!(idle.hear(), ToExecutor::Task { iteration: 1, .. }));
    warm.say(&ToWarm::End { pid: pids[1] });
    assert_eq!(warm.hear::<FromWarm>(), FromWarm::Exited { pid: pids[1], id: 1, ended: Ended::Signal(9) });
    match driver.hear() {
        FromDriver::ExecutorLost { executor: 1, slot: 0, .. } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(driver.end().code(), Some(1));
    assert!(driver.log().contains("driver: executor 1, slot 0: "), "{}", driver.log());
    assert!(idle.is_closed());
}

/// A warm parent whose images are slow beside a test's messages, and still cheap to make ready.
fn slow_warm() -> (Process, Prepared) {
    warm(spin(100_000))
}

/// A job whose executors do not come ends at the deadline, and names who is missing.
#[test]
fn the_start_deadline_names_who_is_missing() {
    let token = Token::random().unwrap();
    let mut spec = job(&token, 3, 3);
    spec.start_deadline_ms = 300;
    let (mut driver, address) = driver(&spec);
    let mut peer = Peer::connect(address);
    peer.say(&hello(&token, 1));
    match driver.hear() {
        FromDriver::Failed { why } => {
            assert_eq!(why, "not registered after 0.3 s: executor 0, slot 0; executor 2, slot 0");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(driver.end().code(), Some(1));
}

/// A specification that makes no sense is refused by field, with an accepted example.
#[test]
fn bad_specifications_are_named() {
    let spec = job(&Token::random().unwrap(), 2, 2);
    let mut twice = spec.clone();
    twice.executors = vec![1, 1];
    let mut slotless = spec.clone();
    slotless.slots = 0;
    let mut empty = spec.clone();
    empty.images_per_iteration = 0;
    let mut other = spec;
    other.version = 2;
    for (spec, expected) in
        [(twice, "executors: "), (slotless, "slots: "), (empty, "imagesPerIteration: "), (other, "version 2")]
    {
        let mut driver = Process::start("driver");
        driver.say(&spec);
        match driver.hear() {
            FromDriver::Failed { why } => assert!(why.contains(expected), "{why}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(driver.end().code(), Some(1));
    }
}

/// When the runner is gone, the warm parent ends and leaves nobody: neither a waiting worker nor a working one, nor a zombie.
#[test]
fn workers_end_with_the_runner() {
    let token = Token::random().unwrap();
    let (mut driver, address) = driver(&job(&token, 1, 1));
    let (mut warm, _) = slow_warm();
    let (working, waiting) = (fork(&mut warm, 0, address, &token), fork(&mut warm, 1, address, &token));
    warm.say(&ToWarm::Release { pid: working });
    assert!(matches!(driver.hear(), FromDriver::Ready { .. }));
    warm.close_input();
    assert!(warm.end().success());
    for pid in [working, waiting] {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "worker {pid} is left");
    }
}

/// Workers do not outlive a warm parent that is killed.
#[test]
fn workers_end_with_their_parent() {
    let token = Token::random().unwrap();
    let (mut driver, address) = driver(&job(&token, 1, 1));
    let (mut warm, _) = slow_warm();
    let (working, waiting) = (fork(&mut warm, 0, address, &token), fork(&mut warm, 1, address, &token));
    let handles = [pidfd(working), pidfd(waiting)];
    warm.say(&ToWarm::Release { pid: working });
    assert!(matches!(driver.hear(), FromDriver::Ready { .. }));
    warm.kill();
    handles.iter().for_each(gone);
}

/// What a warm parent cannot do it refuses, says why, and ends.
#[test]
fn bad_requests_are_refused() {
    let resnet = KernelSpec { network: Network::Resnet50, ..spin(1) };
    let hello = |version, kernel| jostle_protocol::line::encode(&ToWarm::Hello { version, kernel }).unwrap();
    let twice = [hello(VERSION, spin(1)), hello(VERSION, spin(1))].concat();
    let long = [hello(VERSION, spin(1)), vec![b' '; LIMIT + 1]].concat();
    for (bytes, expected) in [
        (hello(VERSION, resnet), "network: Resnet50 needs libtorch"),
        (hello(2, spin(1)), "version 2"),
        (b"{}\n".to_vec(), "no message of this conversation"),
        (twice, "only the first"),
        (long, "longer than 1048576 bytes"),
    ] {
        let mut warm = Process::start("warm");
        warm.say_bytes(&bytes);
        let why = loop {
            match warm.hear() {
                FromWarm::Ready(_) => {}
                FromWarm::Refused { why } => break why,
                other => panic!("{other:?}"),
            }
        };
        assert!(why.contains(expected), "{why}");
        assert_eq!(warm.end().code(), Some(1));
        assert!(warm.log().contains(&why));
    }
}

/// The same request has the same digest, another one has another.
#[test]
fn the_digest_tells_requests_apart() {
    let digests: Vec<String> = [5, 5, 6].map(|cost| warm(spin(cost)).1.digest).to_vec();
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
}
