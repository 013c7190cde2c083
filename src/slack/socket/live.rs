//! Which connections are up, for `/readyz`.

use std::sync::{Arc, Mutex, PoisonError};

use crate::websocket::{Phase, State};

/// Ready while at least one connection is up. Clones share it.
#[derive(Clone)]
pub(super) struct Live {
    state: State,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    up: u64,
    /// What holds while none is up.
    otherwise: Phase,
}

impl Live {
    pub(super) fn new(state: State) -> Self {
        let inner = Inner { up: 0, otherwise: state.phase() };
        Self { state, inner: Arc::new(Mutex::new(inner)) }
    }

    /// A connection is up for as long as what is returned is kept.
    pub(super) fn begin(&self) -> Up {
        self.change(|inner| {
            inner.up += 1;
            inner.otherwise = Phase::Connecting;
        });
        self.heard();
        Up(self.clone())
    }

    /// This holds while no connection is up.
    pub(super) fn otherwise(&self, phase: Phase) {
        self.change(|inner| inner.otherwise = phase);
    }

    pub(super) fn heard(&self) {
        self.state.heard();
    }

    /// The phase is entered under the lock, so that it is always that of the latest change.
    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut inner);
        self.state.enter(if inner.up > 0 { Phase::Ready } else { inner.otherwise.clone() });
    }
}

/// A connection that is up.
pub(super) struct Up(Live);

impl Drop for Up {
    fn drop(&mut self) {
        self.0.change(|inner| inner.up -= 1);
    }
}
