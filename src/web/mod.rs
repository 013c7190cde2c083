//! The console: what reviewers and admins see of the log in a browser.
//!
//! A session is a person and the place in which they asked for a link; each page is a request of theirs, which is
//! decided and recorded like everybody's. A page is a file here with its handler, a template, and its sentences in
//! `words`; `page` has the frame around it, and what is said when there is no page.

mod access;
mod address;
mod answer;
mod assets;
mod case;
mod filters;
mod form;
mod guard;
mod hand_over;
mod kinds;
mod language;
mod live;
mod log;
mod operation;
mod overview;
mod page;
mod room;
mod rooms;
mod sessions;
mod sign_in;
mod visitor;
mod waiting;
mod words;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Redirect;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::app::console::Console;
use crate::app::limits::RateLimiter;
use crate::app::service::CommandService;
use crate::app::surroundings::Surroundings;
use crate::domain::wording::CommandName;
use crate::redact::Redactor;

use self::kinds::Section;

/// How many live tails there are at a time.
const MOST_TAILS: usize = 64;

/// The door's shared state.
struct Web {
    service: Arc<CommandService>,
    console: Console,
    redactor: Redactor,
    /// What the commands are called in chat.
    command: CommandName,
    /// Sign-ins of an address, and of all.
    by_address: RateLimiter<IpAddr>,
    in_all: RateLimiter<()>,
    tails: Arc<Semaphore>,
    /// One case is put together at a time.
    cases: Semaphore,
    around: Arc<dyn Surroundings>,
    /// Cancelled when the bot ends.
    stop: CancellationToken,
}

impl Web {
    /// Whether browsers reach the console over https. Otherwise it is on a loopback address.
    fn is_secure(&self) -> bool {
        self.console.origin.starts_with("https:")
    }
}

/// The console's door.
pub struct Door(Arc<Web>);

impl Door {
    /// The door to the console of a service; `None` if it has none. Live tails end when `stop` is cancelled.
    pub fn new(
        service: &Arc<CommandService>,
        redactor: Redactor,
        command: CommandName,
        around: Arc<dyn Surroundings>,
        stop: CancellationToken,
    ) -> Option<Self> {
        let console = service.console()?.clone();
        Some(Self(Arc::new(Web {
            service: Arc::clone(service),
            console,
            redactor,
            command,
            by_address: RateLimiter::default(),
            in_all: RateLimiter::default(),
            around,
            cases: Semaphore::new(1),
            tails: Arc::new(Semaphore::new(MOST_TAILS)),
            stop,
        })))
    }

    /// Its routes. Another page may be at `/`: then the console begins at `/overview`.
    pub fn router(self, with_front_page: bool) -> Router {
        let pages = Router::new()
            .route("/sign-in/{link}", get(sign_in::ask).post(sign_in::sign_in))
            .route("/sign-out", post(sessions::sign_out))
            .route("/sessions", get(sessions::list))
            .route("/sessions/end", post(sessions::end))
            .route("/overview", get(overview::overview))
            .route("/log", get(log::log))
            .route("/log/live", get(live::live))
            .route("/case", get(case::ask).post(case::case))
            .route("/op/{operation}", get(operation::operation))
            .route("/op/{operation}/proof", get(operation::proof))
            .route("/rooms", get(rooms::rooms))
            .route("/room/{room}", get(room::room))
            .route("/room/{room}/hand-over", post(hand_over::hand_over))
            .route("/press", post(answer::press))
            .route("/access", get(access::list))
            .route("/access/plan", get(access::form).post(access::plan))
            .route("/access/apply", post(access::apply))
            .route("/access/answer", post(access::answer))
            .route("/access/why", get(access::why))
            .route("/access/who-can", get(access::who_can))
            .route("/console.css", get(assets::css))
            .route("/console.js", get(assets::js));
        let front = || pages.clone().route("/", get(|| async { Redirect::to(Section::Overview.path()) }));
        let pages = if with_front_page { front() } else { pages };
        pages
            .layer(from_fn_with_state(Arc::clone(&self.0), guard::own_posts_only))
            .layer(map_response(guard::with_headers))
            .with_state(self.0)
    }
}
