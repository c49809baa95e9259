//! One slot's connection, before and after it has shown who it is.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
};

use jostle_protocol::{
    line::{HELLO_LIMIT, LIMIT, LineError, Lines, encode},
    task::{FromExecutor, ToExecutor},
};
use serde::de::DeserializeOwned;

use super::DriverError;

/// A TCP connection that speaks in lines.
pub struct Connection {
    pub peer: SocketAddr,
    stream: TcpStream,
    lines: Lines,
}

/// What a read brought.
pub enum Heard<T> {
    /// A message; there may be more.
    Message(T),
    /// Not yet a whole line.
    Nothing,
    /// The connection is of no more use.
    End(String),
}

impl Connection {
    /// A stranger's: short lines only.
    pub fn new(stream: TcpStream, peer: SocketAddr) -> io::Result<Self> {
        // Messages are small and each is waited for: none may wait for company.
        stream.set_nodelay(true)?;
        Ok(Self { peer, stream, lines: Lines::new(HELLO_LIMIT) })
    }

    /// Reads once (the caller knows that there is something) and takes the first message.
    pub fn hear_first(&mut self) -> Heard<FromExecutor> {
        self.hear(Lines::take_first)
    }

    /// Reads once (the caller knows that there is something) and takes a message.
    pub fn hear_next(&mut self) -> Heard<FromExecutor> {
        self.hear(Lines::take)
    }

    fn hear<T: DeserializeOwned>(&mut self, take: impl Fn(&mut Lines) -> Result<Option<T>, LineError>) -> Heard<T> {
        match self.lines.fill(&mut self.stream) {
            Ok(0) => return Heard::End("it closed the connection".to_owned()),
            Ok(_) => {}
            Err(error) => return Heard::End(error.to_string()),
        }
        match take(&mut self.lines) {
            // Nobody has two things to say: what comes after a message would be taken for the answer to the next task.
            Ok(Some(_)) if !self.lines.is_empty() => Heard::End("it spoke out of turn".to_owned()),
            Ok(Some(message)) => Heard::Message(message),
            Ok(None) => Heard::Nothing,
            Err(error) => Heard::End(error.to_string()),
        }
    }

    /// The peer has shown its token.
    pub fn trust(&mut self) {
        self.lines.set_limit(LIMIT);
    }

    /// Sends one message.
    pub fn say(&mut self, message: &ToExecutor) -> Result<(), DriverError> {
        self.stream.write_all(&encode(message)?)?;
        Ok(())
    }

    /// For waiting.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// A registered slot.
pub struct Seat {
    pub executor: u32,
    pub slot: u32,
    pub connection: Connection,
}

impl Seat {
    /// The end of the job, in the name of this slot.
    pub fn lost(&self, why: impl Into<String>) -> DriverError {
        DriverError::ExecutorLost { executor: self.executor, slot: self.slot, why: why.into() }
    }
}
