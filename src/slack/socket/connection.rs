//! One connection, from hello to its end.

use std::time::Duration;

use futures_util::future::OptionFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_websockets::Message;
use tracing::{debug, info, warn};

use super::Timing;
use super::live::Live;
use super::opening::Opened;
use super::wire::{self, Envelope, Frame};
use crate::app::ports::Reconnect;
use crate::redact::Redactor;
use crate::websocket;

/// "Normal closure" (RFC 6455, 7.4.1).
const CODE_DONE: u16 = 1000;
/// How much longer than agreed a connection stays open for acknowledgements that are still to be sent. They take 2 s.
const FOR_ACKNOWLEDGEMENTS: Duration = Duration::from_secs(3);
/// How often it is then looked whether they are sent.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a connection works with.
pub(super) struct Connection<D> {
    pub(super) opened: Opened,
    pub(super) timing: Timing,
    pub(super) redactor: Redactor,
    pub(super) deliver: D,
    /// It is the only one that knows it until it is kept in `live`.
    pub(super) live: Live,
    /// Gets the reason once another connection is needed.
    pub(super) replace: Option<oneshot::Sender<Reconnect>>,
    /// There is another connection: this one is drained.
    pub(super) retire: CancellationToken,
    /// The bot ends.
    pub(super) stop: CancellationToken,
}

/// An acknowledgement to be sent; `sent` says when it is.
struct Acknowledgement {
    text: String,
    sent: oneshot::Sender<()>,
}

/// Acknowledges an envelope on the connection that it came by.
#[derive(Clone)]
pub(super) struct Acknowledger(UnboundedSender<Acknowledgement>);

impl Acknowledger {
    /// Whether it was sent.
    pub(super) async fn send(&self, text: String) -> bool {
        let (sent, is_sent) = oneshot::channel();
        self.0.send(Acknowledgement { text, sent }).is_ok() && is_sent.await.is_ok()
    }
}

/// Why a connection ended.
enum Ended {
    /// By us, after another one took its place, or because the bot ends.
    Done,
    Lost(Reconnect, String),
}

impl<D: Fn(&Envelope<'_>, Acknowledger)> Connection<D> {
    /// Holds it until it ends.
    pub(super) async fn run(mut self) {
        let up = self.live.begin();
        let (sender, acknowledgements) = unbounded_channel();
        let ended = self.listen(Acknowledger(sender), acknowledgements).await;
        drop(up);
        if let Ended::Lost(reason, why) = ended {
            let why = self.redactor.text(&why);
            match self.replace.take() {
                Some(replace) => {
                    info!(%why, "the connection to slack ended; another one is opened");
                    let _ = replace.send(reason);
                }
                None => debug!(%why, "a former connection to slack ended"),
            }
        }
        websocket::close(&mut self.opened.socket, CODE_DONE).await;
    }

    async fn listen(
        &mut self,
        acknowledger: Acknowledger,
        mut acknowledgements: UnboundedReceiver<Acknowledgement>,
    ) -> Ended {
        if let Some(first) = self.opened.first.take() {
            self.take(&first, &acknowledger);
        }
        let mut heard = Instant::now();
        let mut asked = heard;
        // When it is to be closed, if it is.
        let mut closes: Option<Instant> = None;
        loop {
            let now = Instant::now();
            // Each envelope that is worked on has one.
            let is_idle = acknowledger.0.strong_count() == 1;
            if let Some(at) = closes.filter(|at| *at <= now)
                && (is_idle || at + FOR_ACKNOWLEDGEMENTS <= now)
            {
                return Ended::Done;
            }
            let closing = closes.map(|at| if at > now { at } else { now + LOOK_AGAIN });
            tokio::select! {
                () = self.stop.cancelled(), if closes.is_none_or(|at| at > now) => closes = Some(now),
                () = self.retire.cancelled(), if closes.is_none() => closes = Some(now + self.timing.drain),
                Some(()) = OptionFuture::from(closing.map(sleep_until)) => {}
                () = sleep_until(heard + self.timing.silence) => {
                    return Ended::Lost(Reconnect::Silence, "nothing was received for too long".to_owned());
                }
                () = sleep_until(heard.max(asked) + self.timing.ping_after) => {
                    asked = Instant::now();
                    if let Err(ended) = self.send(Message::ping("")).await {
                        return ended;
                    }
                }
                Some(Acknowledgement { text, sent }) = acknowledgements.recv() => {
                    if let Err(ended) = self.send(Message::text(text)).await {
                        return ended;
                    }
                    let _ = sent.send(());
                }
                message = self.opened.socket.next() => {
                    let lost = |why: String| Ended::Lost(Reconnect::Lost, why);
                    let message = match message {
                        Some(Ok(message)) if message.is_close() => return lost("slack closed the connection".to_owned()),
                        Some(Ok(message)) => message,
                        Some(Err(error)) => return lost(format!("the connection broke: {error}")),
                        None => return lost("the connection was dropped".to_owned()),
                    };
                    heard = Instant::now();
                    self.live.heard();
                    // Pings are answered by the library.
                    if let Some(text) = message.as_text() {
                        self.take(text, &acknowledger);
                    }
                }
            }
        }
    }

    fn take(&mut self, text: &str, acknowledger: &Acknowledger) {
        match wire::read(text) {
            Ok(Frame::Envelope(envelope)) => (self.deliver)(&envelope, acknowledger.clone()),
            Ok(Frame::Disconnect { reason }) => self.disconnects(&reason),
            Ok(Frame::Hello { .. } | Frame::Other) => debug!("ignored a frame"),
            Err(error) => {
                let error = error.to_string();
                warn!(error = %self.redactor.text(&error), "a frame from slack cannot be read");
            }
        }
    }

    /// Slack will close it. Until then payloads still come.
    fn disconnects(&mut self, reason: &str) {
        let Some(replace) = self.replace.take() else { return };
        info!(reason = %self.redactor.text(reason), "slack will close its connection; another one is opened first");
        let _ = replace.send(Reconnect::named(reason).unwrap_or(Reconnect::Other));
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        let lost = |why: String| Ended::Lost(Reconnect::Lost, why);
        match tokio::time::timeout(self.timing.write_within, self.opened.socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| lost(format!("the connection broke: {error}"))),
            Err(_) => Err(lost("slack does not read what is sent".to_owned())),
        }
    }
}
