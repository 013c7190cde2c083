//! Hand a Tencent RTC live room to a new owner, from chat.
//!
//! # The map
//!
//! ```text
//! domain     commands, the ACL and its rule, the entries of the log, replies. Pure: no async, no I/O, no clock
//! app        the use cases (`commands`), the service that admits and records, the ports: Store, RoomControl, ..
//!
//! slack      commands, presses, forms, signed or over Socket Mode -> requests; replies -> blocks; user groups
//! discord    commands, presses, forms, signed over HTTP or from the gateway -> requests; replies -> embeds, over REST
//! web        the console in a browser: sign-in, sessions, the log and its live tail, rooms and hand-overs, access
//! cli        the clap tree, and what its commands print
//! store      implements Store: SQLite, and all the SQL
//! page       pages to read in a browser and to print: sentences by language, drawings, templates. Pure
//! merkle     the Merkle tree over the audit log: signed heads, proofs. Pure
//! tencent    implements RoomControl: the Live REST API; UserSig, error codes; its callbacks; its simulator
//! body       request bodies, read within a limit; what a signed one has to show
//! http       the one outgoing HTTP client: time limits, the proxy, Retry-After, errors without URLs
//! websocket  outgoing WebSockets: through the proxy, with growing pauses, and their state for `/readyz`
//! stdio      stdout and stderr, for which nothing panics or waits
//! redact     foreign text without our secrets
//! clock      implements Clock: the real time
//!
//! config     the environment and `.env` -> settings
//! telemetry  log lines, metrics
//! server     the HTTP server: `/healthz`, `/readyz`, `/metrics`, and the doors' routes beside them
//! bot        all of it wired: what `serve` runs
//! setup      `init`, and what else writes or prints settings
//! doctor     looks at everything that the bot depends on, and says what to do about it
//! run        what `main` does for a verb of the command line, where that takes several parts
//! case_file  the files of a case, for the command line and for the console
//! demo       the bot, a simulated Tencent, stand-ins for Slack and Discord, and a page to play with
//! bench      the same under load, measured
//! fuzzing    every parser of foreign bytes as a fuzz target; not in a release
//! ```
//!
//! Arrows: `slack discord web cli store tencent -> app -> domain`; `web -> page`. An adapter never names another adapter. Only `store`
//! writes SQL, only `tencent` knows Tencent's codes, only `config` reads the environment, only files called
//! `render` hold a platform's markup. `main`, `bot`, `setup`, `doctor`, `demo` and
//! `bench` put the parts together.
//! `tests/documents/architecture.rs` reads the sources and keeps all of this.
//!
//! # The way of one command
//!
//! ```text
//! slack::signature   bytes -> authentic bytes           (signature, freshness, size; else 401, nothing parsed)
//! slack::payload     authentic bytes -> CommandRequest  (who, where, what, which delivery)
//! ------------------------------------------------------ no platform below this line
//! app: handle        a slot in its turn; over a limit: refused
//! app: admit         access::decide(principal, place, action, acl, now) -> Permit | Denial
//!                    one transaction: the delivery claimed, the attempt (or the denial, ..) recorded
//! app: commands      the use case. A transfer:
//!                    owner_of(room)              -> the previous owner
//!                    change_room_owner(&attempt) -> accepted | refused | not sent | unclear
//!                    owner_of(room) again        -> confirmed, or what an unclear answer was
//!                    the outcome recorded
//! domain::wording    Reply -> sentences
//! ------------------------------------------------------ platform again
//! slack::render      sentences -> blocks: inline within 2 s, else at the `response_url`
//! ```
//!
//! Over Socket Mode `slack::socket` stands in the place of the signature, and inline is in the acknowledgement.
//!
//! A press comes in at `/slack/interactions`, or as an interaction of Discord, with the name of its button. The store
//! has the line that the button stands for ([`app::ports`]), `app::commands::press` uses the button up, and the line
//! goes the same way as if it had been typed. A form that was filled in becomes such a line at once.
//!
//! An answer that cannot be delivered this way stays pending ([`app::replies`]) and is sent later as a message of the
//! bot (`slack::messenger`, `discord::messenger`), also after a crash.
//!
//! What is announced in channels is stored with the outcome that it announces, and posted in the same way
//! ([`app::announcements`]).
//!
//! Tencent's callbacks come in at `tencent::callbacks` and go through
//! [`CommandService::observe`](app::service::CommandService::observe): one of our own changes is confirmed, any other
//! is read back and recorded as an operation of its own.
//!
//! Everything enters at [`CommandService::handle`](app::service::CommandService::handle), the command line too. To add
//! a command: its entry in `domain::command::schema`, its use case in `app::commands`, its messages in
//! `domain::wording`.
//!
//! # The laws, and where each is kept
//!
//! 1. Nothing reaches Tencent without an [`Attempt`](domain::admission::Attempt), and only the store makes one,
//!    by committing it first: [`change_room_owner`](app::ports::RoomControl::change_room_owner) asks for it.
//!    An attempt needs a [`Permit`](domain::access::Permit), and only [`decide`](domain::access::decide)
//!    makes one.
//! 2. If the record cannot be written, the call is not made, and the caller learns it:
//!    [`Reply::NotRecorded`](domain::reply::Reply::NotRecorded).
//! 3. A delivery is carried out at most once, across restarts and processes: the claim is a primary key in
//!    the transaction of the attempt, in `store`'s `admission`.
//! 4. A cut connection is [`Unknown`](domain::audit::Outcome::Unknown), never "failed". It is resolved by
//!    reading the owner back, now or later, never by sending again, and to "refused" only when the change cannot take
//!    effect any more: `settle` and `recover` in [`app::service`]. Tencent's callback corrects it even then.
//! 5. Deny by default; an error while deciding denies: [`domain::access`].
//! 6. Every authentic request ends in the log, whatever its end; so does every change of the ACL, in the
//!    same transaction: `store`'s `admission` and `acl`. Triggers forbid any change of a row:
//!    `migrations/0001_log.sql`.
//! 7. Secrets never appear in a log line, an error, a reply or the database: they are `SecretString`, errors of
//!    the HTTP client lose their URL, and foreign text goes through [`redact`] where it is read, as does every log
//!    line.
//! 8. Text of users and of Tencent is never markup: it is a [`Span::Code`](domain::wording::Span::Code), which
//!    each platform's `render` shows without parsing it. The templates of [`page`] escape every value.
#![doc = include_str!("../docs/glossary.md")]
// They panic when nobody reads: see `stdio`.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod app;
pub mod bench;
pub mod body;
pub mod bot;
pub mod case_file;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod discord;
pub mod doctor;
pub mod domain;
#[doc(hidden)]
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http;
pub mod merkle;
pub mod page;
pub mod redact;
pub mod server;
pub mod setup;
pub mod slack;
pub mod stdio;
pub mod store;
pub mod telemetry;
pub mod tencent;
pub mod web;
pub mod websocket;
