//! How many files the process may have open, and how many of them are connections. The rest is for the database, for
//! calls to Tencent and the chat platforms, and for what nobody thought of.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{debug, warn};

/// Connections at a time at the most: more than a bot for people ever has.
const MOST: u64 = 2_048;
/// The files that are kept for everything else, of a limit that is large enough.
const RESERVE: u64 = 512;

/// Raises the limit to what the process may have. Most systems begin with 1024, for programs that cannot do with more.
pub fn raise() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map(|()| hard));
    match raised {
        Ok(limit) => debug!(limit, connections = connections(), "open files"),
        Err(error) => warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// How many connections the limit has room for.
pub(super) fn connections() -> usize {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    usize::try_from(within(limit)).unwrap_or(usize::MAX)
}

fn within(limit: u64) -> u64 {
    (limit - RESERVE.min(limit / 2)).clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_stay_under_the_limit_with_a_reserve() {
        for (limit, connections) in
            [(0, 1), (64, 32), (256, 128), (1_024, 512), (4_096, 2_048), (1 << 20, 2_048), (u64::MAX, 2_048)]
        {
            assert_eq!(within(limit), connections, "{limit}");
        }
    }
}
