//! Telling the waiting what was committed, and putting the signed head beside the database before that.
//!
//! A thread of its own does both, so that the next batch is written meanwhile. Heads that pile up are not
//! all published: the newest says everything.

use std::sync::{Arc, mpsc};
use std::thread;

use jiff::Timestamp;
use tracing::warn;

use crate::app::ports::{Admission, Admitted, StoreError};
use crate::domain::admission::{Attempt, Verdict};
use crate::domain::tree_head::TreeHead;
use crate::tree::Checkpoint;

use super::admission::Applied;
use super::instance::Instance;
use super::seal::Publisher;
use super::writer::{Done, Job, Written};

/// A job that is done, and the head of the log after it.
type Told = (Job, Done, Option<TreeHead>);

struct Committed {
    told: Vec<Told>,
    checkpoint: Option<Checkpoint>,
}

/// The way to whoever waits.
pub(super) struct Answers {
    instance: Arc<Instance>,
    committed: mpsc::Sender<Committed>,
    thread: thread::JoinHandle<()>,
}

impl Answers {
    pub(super) fn spawn(publisher: Publisher, instance: Arc<Instance>) -> Result<Self, StoreError> {
        let (committed, jobs) = mpsc::channel();
        let teller = Teller { publisher, instance: Arc::clone(&instance) };
        let thread = thread::Builder::new().name("answers".to_owned()).spawn(move || teller.run(&jobs));
        let thread = thread.map_err(|error| StoreError(format!("no thread can be started: {error}")))?;
        Ok(Self { instance, committed, thread })
    }

    /// Answers the jobs of a commit. A transfer's attempt goes out at once, for nobody has been told
    /// anything yet when it does; all else once the head is published that covers it.
    pub(super) fn give(&self, jobs: impl IntoIterator<Item = Job>, written: Written) {
        let Written { done, checkpoint } = written;
        let head = checkpoint.as_ref().map(Checkpoint::head);
        let mut told = Vec::new();
        for (job, done) in jobs.into_iter().zip(done) {
            let is_attempt = matches!(
                (&job, &done),
                (Job::Admit(admission, ..), Done::Admitted(applied))
                    if matches!(**applied, Applied::Recorded(_))
                        && matches!(**admission, Admission::Request { verdict: Verdict::Transfer(..), .. })
            );
            if is_attempt {
                answer(&self.instance, job, done, head);
            } else {
                told.push((job, done, head));
            }
        }
        if told.is_empty() && checkpoint.is_none() {
            return;
        }
        if let Err(mpsc::SendError(lost)) = self.committed.send(Committed { told, checkpoint }) {
            warn!("the newest signed heads are not put beside the database any more: start the bot again");
            lost.told.into_iter().for_each(|(job, done, head)| answer(&self.instance, job, done, head));
        }
    }

    /// Returns when everything is published and everybody answered.
    pub(super) async fn finish(self) {
        drop(self.committed);
        let ended = tokio::task::spawn_blocking(|| self.thread.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            warn!("the publishing of signed heads broke off");
        }
    }
}

struct Teller {
    publisher: Publisher,
    instance: Arc<Instance>,
}

impl Teller {
    fn run(mut self, jobs: &mpsc::Receiver<Committed>) {
        while let Ok(Committed { mut told, mut checkpoint }) = jobs.recv() {
            while let Ok(next) = jobs.try_recv() {
                told.extend(next.told);
                checkpoint = next.checkpoint.or(checkpoint);
            }
            if let Some(checkpoint) = checkpoint {
                self.publisher.publish(checkpoint);
            }
            for (job, done, head) in told {
                if let (Job::Check(_), Done::Checked) = (&job, &done) {
                    self.publisher.publish_again();
                }
                match (job, done) {
                    (Job::Check(answer), Done::Checked) => drop(answer.send(self.publisher.check())),
                    (job, done) => answer(&self.instance, job, done, head),
                }
            }
        }
    }
}

fn answer(instance: &Instance, job: Job, done: Done, head: Option<TreeHead>) {
    // Whoever asked may have gone away; what was written stays.
    match (job, done) {
        (Job::Admit(admission, at, answer), Done::Admitted(applied)) => {
            drop(answer.send(admitted(instance, *admission, at, *applied)));
        }
        (Job::Finish(.., answer), Done::Finished(finished)) => {
            drop(answer.send(Ok(head.filter(|_| finished))));
        }
        (Job::EditAcl(.., answer), Done::Edited(changed)) => drop(answer.send(Ok(changed))),
        (Job::Note(.., answer) | Job::NoteReply(.., answer) | Job::KeepReadings(.., answer), Done::Noted) => {
            drop(answer.send(Ok(())))
        }
        (Job::Observe(.., answer), Done::Observed(observed)) => drop(answer.send(Ok(observed))),
        (Job::Replies(_, answer), Done::Replies(taken)) => drop(answer.send(Ok(taken))),
        (Job::Archive(.., answer), Done::Archived(number)) => drop(answer.send(Ok(number))),
        (Job::IndexTexts(answer), Done::Indexed) | (Job::Check(answer), Done::Checked) => {
            drop(answer.send(Ok(())));
        }
        (job, _) => refuse(job, &sqlx::Error::WorkerCrashed),
    }
}

fn admitted(
    instance: &Instance,
    admission: Admission,
    at: Timestamp,
    applied: Applied,
) -> Result<Admitted, StoreError> {
    Ok(match applied {
        Applied::Recorded(operation) => match admission {
            Admission::Request { request, verdict: Verdict::Transfer(permit, new_owner), .. } => {
                let attempt = Attempt::committed(operation, permit, new_owner, &request, at);
                let wrong = || StoreError("a permit for another deed was admitted".to_owned());
                Admitted::Attempt(attempt.ok_or_else(wrong)?)
            }
            _ => Admitted::Recorded(operation),
        },
        Applied::Duplicate { operation, first } => Admitted::Duplicate { operation, first },
        Applied::Busy { operation, holder } => {
            let unresolved = holder
                .located(instance)
                .ok_or_else(|| StoreError("an operation holds a room but names none".to_owned()))?;
            Admitted::Busy { operation, holder: holder.entry, unresolved: Box::new(unresolved) }
        }
        Applied::NotHeld { operation, named } => Admitted::NotHeld { operation, named },
        Applied::AclChanged => Admitted::AclChanged,
    })
}

pub(super) fn refuse(job: Job, error: &sqlx::Error) {
    let error = match error {
        // Ours, in its own words.
        sqlx::Error::Configuration(why) => StoreError(format!("the database cannot be written: {why}")),
        error => StoreError(format!("the database cannot be written: {error}")),
    };
    match job {
        Job::Admit(.., answer) => drop(answer.send(Err(error))),
        Job::Finish(.., answer) => drop(answer.send(Err(error))),
        Job::EditAcl(.., answer) => drop(answer.send(Err(error))),
        Job::Note(.., answer) | Job::NoteReply(.., answer) | Job::KeepReadings(.., answer) => {
            drop(answer.send(Err(error)));
        }
        Job::Observe(.., answer) => drop(answer.send(Err(error))),
        Job::Replies(_, answer) => drop(answer.send(Err(error))),
        Job::Archive(.., answer) => drop(answer.send(Err(error))),
        Job::IndexTexts(answer) | Job::Check(answer) => drop(answer.send(Err(error))),
    }
}
