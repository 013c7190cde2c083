//! People read the console in a real browser: Chromium, steered from here, looks at the real bot, a simulated Tencent
//! and people in chat.
//!
//! A drive of a page is a story in [`demo::drive`]: a [`tab::Tab`] goes somewhere, does what a person does, and waits
//! for what that person sees; [`Tab::looks_good`](tab::Tab::looks_good) then asks what everybody needs of a page.
//! Without Chromium all of it is skipped, without axe-core that part.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the answer")]

mod chromium;
mod demo;
mod look;
mod tab;

mod access;
mod case;
mod keyboard;
mod live;
mod log;
mod notices;
mod operation;
mod overview;
mod pages;
mod playground;
mod readers;
mod rooms;
mod signing_in;

/// What is set for these tests: `CHROMIUM`, `AXE` and `SCREENSHOTS`.
#[expect(clippy::disallowed_methods, reason = "the tests' own settings are none of the program's")]
fn setting(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}
