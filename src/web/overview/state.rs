//! How Slack, Discord, Tencent and the log are, as the running bot knows it.

use std::time::Duration;

use jiff::Timestamp;

use crate::app::surroundings::{DoorState, LastCalls};
use crate::domain::room::visible;
use crate::page::{Pen, When};
use crate::web::Web;
use crate::web::words::{OverviewText, Words};

/// A line of the state.
pub(super) struct StateRow {
    pub(super) name: &'static str,
    /// The class, for its colour.
    pub(super) class: &'static str,
    pub(super) how: String,
    /// Since when, or when last.
    pub(super) at: Option<When>,
    /// What the connection says of itself.
    pub(super) detail: String,
}

fn ago(now: Timestamp, age: Duration) -> Timestamp {
    now.saturating_sub(age).unwrap_or(Timestamp::MIN)
}

pub(super) async fn rows(web: &Web, said: &dyn Words) -> Vec<StateRow> {
    let (now, pen) = (web.service.clock().now(), Pen::new(said.page(), None));
    let doors = web.around.doors();
    let platforms = [("slack", "Slack"), ("discord", "Discord")];
    let mut rows: Vec<StateRow> = platforms
        .into_iter()
        .map(|(name, shown)| door(shown, doors.iter().find(|door| door.name == name), now, said, &pen))
        .collect();
    rows.extend(tencent(&web.around.last_calls(), now, said, &pen));
    let stats = web.service.store().stats().await;
    let log = |text, how: String| row(said.overview(text), "", how);
    rows.push(log(OverviewText::Log, said.events(stats.events)));
    let class = if stats.head == stats.events { "succeeded" } else { "unknown" };
    rows.push(row(said.overview(OverviewText::Head), class, said.covered(stats.head, stats.events)));
    rows.push(log(OverviewText::Wal, format!("{} kB", stats.wal_bytes.div_ceil(1_000))));
    rows
}

fn row(name: &'static str, class: &'static str, how: String) -> StateRow {
    StateRow { name, class, how, at: None, detail: String::new() }
}

fn door(
    name: &'static str,
    door: Option<&DoorState>,
    now: Timestamp,
    said: &dyn Words,
    pen: &Pen<'_>,
) -> StateRow {
    let text = |text| said.overview(text).to_owned();
    let Some(door) = door else { return row(name, "", text(OverviewText::NotSetUp)) };
    let Some(connection) = &door.connection else {
        return row(name, "succeeded", text(OverviewText::ByHttp));
    };
    let (class, how) = match door.is_ready {
        true => ("succeeded", OverviewText::Connected),
        false => ("refused", OverviewText::NotConnected),
    };
    StateRow {
        at: Some(pen.when(ago(now, connection.lasts))),
        detail: visible(&format!("{}: {}", connection.name, connection.detail)),
        ..row(name, class, text(how))
    }
}

fn tencent(calls: &LastCalls, now: Timestamp, said: &dyn Words, pen: &Pen<'_>) -> Vec<StateRow> {
    let name = said.overview(OverviewText::Tencent);
    let text = |text| said.overview(text).to_owned();
    let at = |age: Duration| Some(pen.when(ago(now, age)));
    let succeeded = calls
        .succeeded
        .map(|age| StateRow { at: at(age), ..row(name, "succeeded", text(OverviewText::LastSuccess)) });
    let failed = calls.failed.as_ref().map(|(age, why)| StateRow {
        at: at(*age),
        detail: visible(why),
        ..row(name, "refused", text(OverviewText::LastFailure))
    });
    let mut rows: Vec<StateRow> = succeeded.into_iter().chain(failed).collect();
    if rows.is_empty() {
        rows.push(row(name, "", text(OverviewText::NotCalled)));
    }
    rows
}
