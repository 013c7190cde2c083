//! WebSocket connections to a platform, over which commands come: opened through the proxy, taken up again with growing
//! pauses, and shown by `/readyz`.

mod backoff;
mod connector;
mod state;

pub use backoff::Backoff;
pub use connector::{Connector, Socket, close};
pub use state::{Phase, State};
