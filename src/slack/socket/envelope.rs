//! One envelope: worked on in a task of its own, and acknowledged within the 3 s that Slack waits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::{debug, error, warn};

use super::super::answer::{Answer, INLINE};
use super::super::interactive;
use super::super::payload::{self, Payload};
use super::super::{LARGEST_BODY, Slack};
use super::connection::Acknowledger;
use super::wire::{self, Envelope};
use crate::app::ports::{EnvelopeEnd, EnvelopeKind};
use crate::domain::command::DeliveryId;

/// How much longer than the person waits an acknowledgement may take, whatever the work is at.
const LATEST: Duration = Duration::from_millis(400);
/// How many envelopes are remembered. Slack repeats one within seconds.
const REMEMBERED: usize = 1_024;

/// Carries envelopes out.
#[derive(Clone)]
pub(super) struct Envelopes {
    slack: Arc<Slack>,
    deliveries: Arc<Mutex<Deliveries>>,
}

/// An envelope that has left its frame.
pub(super) struct Work {
    id: String,
    kind: EnvelopeKind,
    takes_answer: bool,
    payload: String,
    until: Instant,
}

impl Work {
    pub(super) fn of(envelope: &Envelope<'_>) -> Self {
        Self {
            id: envelope.id.clone(),
            kind: EnvelopeKind::named(&envelope.kind).unwrap_or(EnvelopeKind::Other),
            takes_answer: envelope.takes_answer,
            payload: envelope.payload.to_owned(),
            until: Instant::now() + INLINE,
        }
    }
}

impl Envelopes {
    pub(super) fn new(slack: Arc<Slack>) -> Self {
        Self { slack, deliveries: Arc::default() }
    }

    /// Works on an envelope and acknowledges it in time. An answer that the acknowledgement does not take, or that comes
    /// too late for it, goes to the `response_url`, as it does over HTTP.
    pub(super) async fn carry_out(self, work: Work, acknowledger: Acknowledger) {
        let Work { id, kind, takes_answer, payload, until } = work;
        let answering = self.clone().answer(id.clone(), kind, payload, until);
        // It goes on when its time is over. An outcome that nobody takes from it comes late.
        let answering = self.slack.service.spawn(answering);
        let answer = match timeout_at(until + LATEST, answering).await {
            Ok(answer) => answer.unwrap_or_else(|panic| {
                error!(%panic, kind = kind.name(), "the work on an envelope broke off");
                Answer::Nothing
            }),
            Err(_) => Answer::Nothing,
        };
        let shown = match &answer {
            Answer::Nothing => None,
            Answer::Note(message) => Some(message),
            Answer::Outcome(outgoing) => Some(outgoing.message()),
        };
        let shown = shown.filter(|_| takes_answer);
        let is_sent = acknowledger.send(wire::acknowledgement(&id, shown)).await;
        let end = match (is_sent, shown) {
            (false, _) => EnvelopeEnd::Lost,
            (true, Some(_)) => EnvelopeEnd::Answered,
            (true, None) => EnvelopeEnd::Acknowledged,
        };
        if end == EnvelopeEnd::Lost {
            warn!(kind = kind.name(), "the connection ended before an envelope was acknowledged");
        }
        self.slack.service.observer().took_envelope(kind, end);
        // Any other outcome comes late: it is dropped here.
        if let (EnvelopeEnd::Answered, Answer::Outcome(outgoing)) = (end, answer) {
            outgoing.given();
        }
    }

    async fn answer(self, id: String, kind: EnvelopeKind, payload: String, until: Instant) -> Answer {
        match kind {
            EnvelopeKind::SlashCommands => self.slash_command(&id, &payload, until).await,
            EnvelopeKind::Interactive => {
                let payload = interactive::from_json(&payload, &self.slack.redactor);
                Arc::clone(&self.slack).interactive(payload).await
            }
            EnvelopeKind::EventsApi | EnvelopeKind::Other => {
                debug!(kind = kind.name(), "an envelope that nothing is done about");
                Answer::Nothing
            }
        }
    }

    async fn slash_command(&self, envelope: &str, payload: &str, until: Instant) -> Answer {
        if payload.len() > LARGEST_BODY {
            warn!(bytes = payload.len(), "a payload that is too long for a command");
            return Answer::Nothing;
        }
        let slack = &self.slack;
        let mut payload = payload::read_json(payload, &slack.settings, &slack.redactor);
        let delivery = match &mut payload {
            Payload::SslCheck => &mut None,
            Payload::Command(invocation) => &mut invocation.request.delivery,
            Payload::Rejected(request) => &mut request.delivery,
        };
        if let Some(delivery) = delivery {
            let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
            *delivery = deliveries.first(envelope, delivery);
        }
        slack.answer(payload, until).await
    }
}

/// Which delivery each of the latest envelopes was: a repeated envelope is that delivery again, whatever is in it.
#[derive(Default)]
struct Deliveries {
    of: HashMap<String, DeliveryId>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl Deliveries {
    fn first(&mut self, envelope: &str, delivery: &DeliveryId) -> DeliveryId {
        if let Some(first) = self.of.get(envelope) {
            return first.clone();
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.of.remove(&oldest);
        }
        self.of.insert(envelope.to_owned(), delivery.clone());
        self.order.push_back(envelope.to_owned());
        delivery.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_the_same_delivery_however_often_it_comes() {
        let id = |text: &str| DeliveryId::new("slack", text).unwrap();
        let mut deliveries = Deliveries::default();
        assert_eq!(deliveries.first("e1", &id("t1")), id("t1"));
        assert_eq!(deliveries.first("e1", &id("t2")), id("t1"));
        for n in 0..REMEMBERED {
            deliveries.first(&format!("other-{n}"), &id("t3"));
        }
        assert_eq!((deliveries.of.len(), deliveries.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(deliveries.first("e1", &id("t2")), id("t2"), "it was long ago");
    }
}
