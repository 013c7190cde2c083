//! From an authentic payload to what the person reads: with the answer to the request if that is in time, else late over
//! the `response_url`. HTTP and Socket Mode share it.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tracing::error;

use super::Slack;
use super::payload::{Invocation, Payload};
use super::render::render;
use super::response_url::ResponseUrl;
use crate::domain::principal::{Channel, Principal, Subject};
use crate::domain::reply::Reply;

/// How long the person waits for an answer to the request itself, which Slack gives up 3 s after it sent it.
pub(super) const INLINE: Duration = Duration::from_secs(2);

/// What a request is answered with.
pub(super) enum Answer {
    /// There is nothing to say.
    Nothing,
    /// What may be lost: the outcome follows, or there is none.
    Note(Value),
    /// The outcome of a command.
    Outcome(Box<Outgoing>),
}

impl Slack {
    /// Answers by `until`, or says by then that the answer comes late.
    pub(super) async fn answer(self: &Arc<Self>, payload: Payload, until: Instant) -> Answer {
        match payload {
            Payload::SslCheck => Answer::Nothing,
            Payload::Rejected(request) => {
                let reply = self.service.reject(*request).await;
                self.note(&reply)
            }
            Payload::Command(mut invocation) => {
                invocation.request.principal = self.with_groups(invocation.request.principal);
                self.carry_out(*invocation, until).await
            }
        }
    }

    /// The person with the groups that are known of them.
    pub(super) fn with_groups(&self, principal: Principal) -> Principal {
        let known = self.service.directory().known();
        Principal { name: principal.name, ..known.principal(principal.subject, self.clock.now()) }
    }

    async fn carry_out(self: &Arc<Self>, invocation: Invocation, until: Instant) -> Answer {
        let Invocation { request, response_url, trigger } = invocation;
        let place = request.place.clone();
        let typed = request.typed.clone();
        let result_follows = response_url.is_some();
        let is_recorded = Arc::<AtomicBool>::default();
        let (service, on_record) = (Arc::clone(&self.service), Arc::clone(&is_recorded));
        let recorded = move |_, _| {
            on_record.store(true, Ordering::Release);
            ready(Ok::<(), Infallible>(()))
        };
        let work = self.service.spawn(async move { service.handle(request, recorded).await.into_reply() });
        let mut unanswered = Unanswered { slack: Arc::clone(self), work: Some(work), response_url };
        match tokio::time::timeout_at(until, unanswered.reply()).await {
            Ok(reply) => {
                unanswered.work = None;
                if self.shows_form(trigger.as_deref(), &place, &reply).await {
                    return Answer::Nothing;
                }
                let message = self.render(&reply);
                let otherwise = Otherwise::At(unanswered.response_url.take());
                Answer::Outcome(Box::new(Outgoing::new(Arc::clone(self), reply, message, otherwise)))
            }
            // What is unanswered is answered late.
            Err(_) if is_recorded.load(Ordering::Acquire) => {
                self.note(&Reply::Working { typed, result_follows })
            }
            Err(_) => self.note(&Reply::Waiting { typed, result_follows }),
        }
    }

    pub(super) fn render(&self, reply: &Reply) -> Value {
        render(reply, &self.settings.command, self.settings.private_replies)
    }

    fn note(&self, reply: &Reply) -> Answer {
        Answer::Note(self.render(reply))
    }
}

/// A command that nobody has answered. Should the request go away, or take too long, the answer comes late.
struct Unanswered {
    slack: Arc<Slack>,
    work: Option<JoinHandle<Reply>>,
    response_url: Option<ResponseUrl>,
}

impl Unanswered {
    async fn reply(&mut self) -> Reply {
        match &mut self.work {
            Some(work) => joined(work.await),
            None => Reply::Broken,
        }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        let (slack, response_url) = (Arc::clone(&self.slack), self.response_url.take());
        self.slack.service.spawn(async move {
            let reply = joined(work.await);
            slack.answer_late(response_url.as_ref(), &reply).await;
        });
    }
}

/// An outcome on its way to the person. Dropped before it is given, it comes late.
pub(super) struct Outgoing {
    slack: Arc<Slack>,
    reply: Reply,
    message: Value,
    otherwise: Option<Otherwise>,
}

/// How an outcome comes late.
pub(super) enum Otherwise {
    /// By the `response_url`, if there is one.
    At(Option<ResponseUrl>),
    /// By the bot's own token, to this person in this channel.
    In(Channel, Subject),
}

impl Outgoing {
    pub(super) fn new(slack: Arc<Slack>, reply: Reply, message: Value, otherwise: Otherwise) -> Self {
        Self { slack, reply, message, otherwise: Some(otherwise) }
    }

    pub(super) fn message(&self) -> &Value {
        &self.message
    }

    /// It is handed over to the connection on which the request came.
    pub(super) fn given(mut self) {
        self.otherwise = None;
        self.slack.service.answer_given(self.reply.operation());
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let Some(otherwise) = self.otherwise.take() else { return };
        let slack = Arc::clone(&self.slack);
        let reply = std::mem::replace(&mut self.reply, Reply::Broken);
        self.slack.service.spawn(async move {
            match otherwise {
                Otherwise::At(url) => slack.answer_late(url.as_ref(), &reply).await,
                Otherwise::In(channel, to) => slack.say_in(channel, to, reply).await,
            }
        });
    }
}

/// The reply of a command that ran in a task of its own. If it panicked, nobody knows what it did.
pub(super) fn joined(work: Result<Reply, JoinError>) -> Reply {
    work.unwrap_or_else(|panic| {
        error!(%panic, "a command broke off");
        Reply::Broken
    })
}
