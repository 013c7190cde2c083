//! A fuzz target under libFuzzer. `.ci/fuzz` runs them all, one after the other:
//! `FUZZ_TARGET=slack-body fuzz <new inputs> <corpus> -max_total_time=10`.

#![no_main]

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

#[allow(
    clippy::disallowed_methods,
    reason = "libFuzzer takes the arguments; the program reads no setting here"
)]
fn chosen() -> fn(&[u8]) {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = room_owner::fuzzing::TARGETS.iter().find(|(name, _)| *name == wanted);
    let names: Vec<&str> = room_owner::fuzzing::TARGETS.iter().map(|(name, _)| *name).collect();
    found.unwrap_or_else(|| panic!("set FUZZ_TARGET to one of {}", names.join(" "))).1
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    TARGET.get_or_init(chosen)(bytes);
});
