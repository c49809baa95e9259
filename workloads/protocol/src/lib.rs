//! What jostle's processes say to each other: one JSON object a line, versioned. Only types and framing; no sockets, no clock.
//!
//! Three conversations: a runner with a warm parent ([`warm`]), a driver with its executors ([`task`]), and a runner with a
//! driver or a tenant ([`progress`]).

pub mod kernel;

/// Version of every conversation. The first message of each carries it; a peer with another one is refused.
pub const VERSION: u32 = 1;
