//! One WebSocket connection, from its opening to its end ("Gateway", Connections).

use std::time::Duration;

use futures_util::future::OptionFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Url;
use secrecy::SecretString;
use tokio::time::{Instant, Interval, MissedTickBehavior, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_websockets::Message;
use tracing::{debug, info, warn};

use super::wire::{self, Closed, Incoming};
use super::{Fatal, Phase, Session, Settings, State, Timing, gateway_info};
use crate::websocket::{self, Connector, Socket};

/// The longest frame that is read. READY of a bot in 2,500 servers, the most there can be, has some 200 kB.
const LONGEST_FRAME: usize = 8 * 1_024 * 1_024;
/// How long sending a frame may take. A peer that does not read counts as gone.
const SEND_WITHIN: Duration = Duration::from_secs(2);
/// A shorter heartbeat interval must be a mistake.
const SHORTEST_BEAT: Duration = Duration::from_millis(50);
/// With 1000 the session is over ("Initiating a Disconnect").
const CODE_DONE: u16 = 1000;
/// With any other it can be resumed.
const CODE_RESUMES: u16 = 4000;

/// Why a connection ended.
pub(super) enum Ended {
    /// It was asked to stop.
    Stopped,
    /// It could not be opened.
    Unreachable(String),
    /// It broke; the session, if there is one, goes on.
    Lost(String),
    /// Discord will not continue the session.
    SessionOver(String),
    /// Discord refuses for good.
    Fatal(Fatal),
}

/// What a connection works with.
pub(super) struct Context<'a, D> {
    pub(super) url: &'a Url,
    pub(super) connector: &'a Connector,
    pub(super) settings: &'a Settings,
    pub(super) timing: Timing,
    /// Resumed if there is one; begun, and kept up to date.
    pub(super) session: &'a mut Option<Session>,
    pub(super) state: &'a State,
    pub(super) last_identify: &'a mut Option<Instant>,
    pub(super) deliver: &'a D,
    pub(super) stop: &'a CancellationToken,
}

/// Holds one connection until it ends.
pub(super) async fn run<D: Fn(String)>(call: Context<'_, D>) -> Ended {
    let timing = call.timing;
    let url = wire::with_version(call.url);
    let opening = call.connector.open(&url, LONGEST_FRAME);
    let opened = tokio::select! {
        () = call.stop.cancelled() => return Ended::Stopped,
        opened = tokio::time::timeout(timing.connect_within, opening) => opened,
    };
    let socket = match opened {
        Ok(Ok(socket)) => socket,
        Ok(Err(why)) => return Ended::Unreachable(why),
        Err(_) => return Ended::Unreachable("it does not answer in time".to_owned()),
    };
    let mut connection = Connection {
        call,
        socket,
        beat: None,
        unanswered: false,
        overdue: Some(Instant::now() + timing.connect_within),
    };
    let ended = connection.listen().await;
    let code = match &ended {
        Ended::Stopped | Ended::SessionOver(_) => CODE_DONE,
        _ => CODE_RESUMES,
    };
    websocket::close(&mut connection.socket, code).await;
    ended
}

struct Connection<'a, D> {
    call: Context<'a, D>,
    socket: Socket,
    /// Since hello.
    beat: Option<Interval>,
    /// A heartbeat was sent and not acknowledged yet.
    unanswered: bool,
    /// The deadline for hello, READY or RESUMED; none once it came.
    overdue: Option<Instant>,
}

impl<D: Fn(String)> Connection<'_, D> {
    async fn listen(&mut self) -> Ended {
        loop {
            let ended = tokio::select! {
                () = self.call.stop.cancelled() => Some(Ended::Stopped),
                Some(()) = OptionFuture::from(self.overdue.map(sleep_until)) => {
                    Some(Ended::Lost("discord did not go on in time".to_owned()))
                }
                Some(_) = OptionFuture::from(self.beat.as_mut().map(Interval::tick)) => self.beat().await,
                message = self.socket.next() => match message {
                    Some(Ok(message)) if message.is_close() => Some(closed(&message)),
                    Some(Ok(message)) => match message.as_text() {
                        Some(text) => self.take(text).await,
                        // Pings are answered by the library; binary frames were not asked for.
                        None => None,
                    },
                    Some(Err(error)) => Some(Ended::Lost(format!("the connection broke: {error}"))),
                    None => Some(Ended::Lost("the connection was dropped".to_owned())),
                },
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// "Sending Heartbeats": if the last one is still unanswered, the connection is dead.
    async fn beat(&mut self) -> Option<Ended> {
        if self.unanswered {
            return Some(Ended::Lost("a heartbeat was not acknowledged".to_owned()));
        }
        self.unanswered = true;
        self.send(wire::heartbeat(self.call.session.as_ref())).await
    }

    async fn take(&mut self, text: &str) -> Option<Ended> {
        self.call.state.heard();
        let (sequence, incoming) = match wire::read(text) {
            Ok(read) => read,
            Err(error) => {
                let error = error.to_string();
                warn!(error = %self.call.settings.redactor.text(&error), "a frame from the gateway cannot be understood");
                return None;
            }
        };
        let timing = self.call.timing;
        if let (Some(sequence), Some(session)) = (sequence, self.call.session.as_mut()) {
            session.sequence = sequence;
            // What is replayed shows that RESUMED is on its way.
            self.overdue = self.overdue.map(|_| Instant::now() + timing.resumed_within);
        }
        match incoming {
            // A second one would cost a second IDENTIFY.
            Incoming::Hello(_) if self.beat.is_some() => {}
            Incoming::Hello(interval) => {
                let interval = interval.clamp(SHORTEST_BEAT, timing.longest_beat);
                // The first beat comes after a random part of the interval.
                let first = Instant::now() + interval.mul_f64(rand::random::<f64>());
                let mut beat = tokio::time::interval_at(first, interval);
                beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
                self.beat = Some(beat);
                let token: &SecretString = &self.call.settings.bot_token;
                let (opening, answered_within) = match self.call.session.as_mut() {
                    Some(session) => {
                        session.failed_resumes = session.failed_resumes.saturating_add(1);
                        (wire::resume(token, session), timing.resumed_within)
                    }
                    None => {
                        *self.call.last_identify = Some(Instant::now());
                        (wire::identify(token), timing.ready_within)
                    }
                };
                self.overdue = Some(Instant::now() + answered_within);
                return self.send(opening).await;
            }
            Incoming::Ready { session_id, resume_url } => {
                let url = resume_url.as_deref().and_then(gateway_info::gateway_url);
                if url.is_none() {
                    warn!("READY names no wss address to resume at; the general one is used");
                }
                *self.call.session = Some(Session {
                    id: SecretString::from(session_id),
                    sequence: sequence.unwrap_or_default(),
                    resume_url: url,
                    failed_resumes: 0,
                });
                self.is_up("a gateway session has begun");
            }
            Incoming::Resumed => self.is_up("the gateway session is resumed"),
            Incoming::Interaction(json) => (self.call.deliver)(json.to_owned()),
            Incoming::HeartbeatRequest => {
                return self.send(wire::heartbeat(self.call.session.as_ref())).await;
            }
            Incoming::HeartbeatAck => self.unanswered = false,
            Incoming::Reconnect => return Some(Ended::Lost("discord asked to reconnect".to_owned())),
            Incoming::InvalidSession { resumable: true } => {
                return Some(Ended::Lost("discord asked to resume once more".to_owned()));
            }
            Incoming::InvalidSession { resumable: false } => {
                return Some(Ended::SessionOver("the session is invalid".to_owned()));
            }
            Incoming::Other => debug!("ignored an event"),
        }
        None
    }

    fn is_up(&mut self, what: &'static str) {
        self.overdue = None;
        if let Some(session) = self.call.session.as_mut() {
            session.failed_resumes = 0;
        }
        self.call.state.enter(Phase::Ready);
        let host = self.call.url.host_str().unwrap_or_default();
        info!(host = %self.call.settings.redactor.text(host), "{what}");
    }

    async fn send(&mut self, text: String) -> Option<Ended> {
        match tokio::time::timeout(SEND_WITHIN, self.socket.send(Message::text(text))).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Ended::Lost(format!("the connection broke: {error}"))),
            Err(_) => Some(Ended::Lost("discord does not read what is sent".to_owned())),
        }
    }
}

fn closed(message: &Message) -> Ended {
    // A close frame without a code reads as 1005, which no frame may hold.
    let code = message.as_close().map(|(code, _)| u16::from(code)).filter(|code| *code != 1005);
    let why = match code {
        Some(code) => format!("discord closed the connection with code {code}"),
        None => "discord closed the connection".to_owned(),
    };
    match wire::closed(code) {
        Closed::Resume => Ended::Lost(why),
        Closed::NewSession => Ended::SessionOver(why),
        Closed::Fatal(fatal) => Ended::Fatal(fatal),
    }
}
