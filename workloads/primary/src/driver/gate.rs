//! The start gate: nothing begins before every slot of every executor has registered, or the deadline has passed.

use std::{
    io::{self, Write},
    net::TcpListener,
    os::fd::AsFd,
    time::Duration,
};

use jostle_kernel::{clock::Clock, wait};
use jostle_protocol::{
    driver::{DriverSpec, FromDriver},
    task::{FromExecutor, ToExecutor},
};

use super::{
    DriverError, Orders,
    seat::{Connection, Heard, Seat},
    tell,
};

/// Strangers that may be waited for at once beyond the slots; more are turned away unheard.
const SPARE_CONNECTIONS: usize = 16;

/// Waits for all slots; returns them in the order of their partitions, or `None` where the order to stop came first.
pub fn fill(
    spec: &DriverSpec,
    listener: TcpListener,
    orders: &mut Orders,
    clock: &Clock,
) -> Result<Option<Vec<Seat>>, DriverError> {
    if orders.stop_is_here()? {
        return Ok(None);
    }
    // A peer may be gone again between the wait and the accept, which must not block then.
    listener.set_nonblocking(true)?;
    let opened = clock.now();
    let deadline = opened.saturating_add(spec.start_deadline_ms.saturating_mul(1_000_000));
    let names: Vec<(u32, u32)> =
        spec.executors.iter().flat_map(|executor| (0..spec.slots).map(|slot| (*executor, slot))).collect();
    let mut seats: Vec<Option<Seat>> = names.iter().map(|_| None).collect();
    let mut strangers: Vec<Connection> = Vec::new();

    while seats.iter().any(Option::is_none) {
        let now = clock.now();
        if now >= deadline {
            return Err(missed(spec, &names, &seats));
        }
        let taken: Vec<usize> = (0..seats.len()).filter(|at| seats[*at].is_some()).collect();
        let ready = {
            let mut descriptors = vec![orders.input.as_fd(), listener.as_fd()];
            descriptors.extend(strangers.iter().map(Connection::as_fd));
            descriptors.extend(seats.iter().flatten().map(|seat| seat.connection.as_fd()));
            wait::readable(&descriptors, Some(Duration::from_nanos(deadline - now)))?
        };
        if ready[0] && orders.stop()? {
            return Ok(None);
        }
        // A registered slot has nothing to say before its first task: this is its end.
        for (at, _) in taken.iter().zip(&ready[2 + strangers.len()..]).filter(|(_, ready)| **ready) {
            if let Some(seat) = &mut seats[*at] {
                let why = match seat.connection.hear_next() {
                    Heard::End(why) => why,
                    Heard::Message(FromExecutor::Failed { why }) => why,
                    Heard::Message(_) | Heard::Nothing => "it spoke before it was given a task".to_owned(),
                };
                return Err(seat.lost(why));
            }
        }
        let (speaking, silent): (Vec<_>, Vec<_>) =
            strangers.into_iter().zip(ready[2..].to_vec()).partition(|(_, ready)| *ready);
        strangers = silent.into_iter().map(|(stranger, _)| stranger).collect();
        for (mut stranger, _) in speaking {
            match stranger.hear_first() {
                Heard::Nothing => strangers.push(stranger),
                Heard::End(why) => refuse(stranger, &why),
                Heard::Message(hello) => match admit(spec, &names, &seats, &hello) {
                    Err(why) => refuse(stranger, &why),
                    Ok(at) => {
                        stranger.trust();
                        let (executor, slot) = names[at];
                        seats[at] = Some(Seat { executor, slot, connection: stranger });
                    }
                },
            }
        }
        if ready[1] {
            accept(&listener, &mut strangers, names.len() + SPARE_CONNECTIONS)?;
        }
    }
    let seconds = (clock.now() - opened) as f64 / 1e9;
    tell(&FromDriver::Ready { executors: spec.executors.len() as u32, seconds })?;
    Ok(Some(seats.into_iter().flatten().collect()))
}

fn accept(listener: &TcpListener, strangers: &mut Vec<Connection>, most: usize) -> Result<(), DriverError> {
    loop {
        match listener.accept() {
            Ok((stream, peer)) if strangers.len() < most => strangers.push(Connection::new(stream, peer)?),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            // The peer gave up first: its business.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The seat that a newcomer may take, or why it may not.
fn admit(
    spec: &DriverSpec,
    names: &[(u32, u32)],
    seats: &[Option<Seat>],
    hello: &FromExecutor,
) -> Result<usize, String> {
    let FromExecutor::Hello { token, executor, slot, .. } = hello else {
        return Err("the first message must be hello".to_owned());
    };
    if *token != spec.token {
        return Err("wrong token: it is not an executor of this run".to_owned());
    }
    let Some(at) = names.iter().position(|name| name == &(*executor, *slot)) else {
        return Err(format!("executor {executor}, slot {slot} is not part of this job"));
    };
    if seats[at].is_some() {
        return Err(format!("executor {executor}, slot {slot} has registered already"));
    }
    Ok(at)
}

/// A stranger that is turned away does not end the job: anybody on the machine may knock.
fn refuse(mut stranger: Connection, why: &str) {
    drop(stranger.say(&ToExecutor::Refused { why: why.to_owned() }));
    drop(writeln!(io::stderr(), "driver: refused a connection from {}: {why}", stranger.peer));
}

fn missed(spec: &DriverSpec, names: &[(u32, u32)], seats: &[Option<Seat>]) -> DriverError {
    let missing: Vec<String> = names
        .iter()
        .zip(seats)
        .filter(|(_, seat)| seat.is_none())
        .map(|((executor, slot), _)| format!("executor {executor}, slot {slot}"))
        .collect();
    DriverError::StartDeadline { seconds: spec.start_deadline_ms as f64 / 1000.0, missing: missing.join("; ") }
}
