//! What jostle's processes say to each other: one JSON object a line, versioned. Only types and framing; no sockets, no clock.
//!
//! Beside them [`installed`], where set-up puts what kernels read. Four conversations: a runner with a warm parent ([`warm`]), a runner with a driver ([`driver`]), a driver with its
//! executors ([`task`]), and a runner with a tenant ([`tenant`]).

pub mod driver;
pub mod installed;
pub mod kernel;
pub mod line;
pub mod task;
pub mod tenant;
pub mod token;
pub mod warm;

/// Version of every conversation. The first message of each carries it; a peer with another one is refused.
pub const VERSION: u32 = 1;
