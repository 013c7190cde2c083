//! The orders in which what is known of a room can have happened, and who owned it at a time in each of them.
//!
//! Two clocks stamp what is known, neither is always right, and a callback may come late. So nothing is sorted by a
//! time alone: of two claims one comes first only where that is certain, and every order that fits is looked at.

use std::collections::HashSet;

/// How far this machine's clock may be from Tencent's, in milliseconds.
pub(super) const SKEW: i64 = 60_000;

/// More orders than these are not looked through.
const MOST_STEPS: u32 = 50_000;

/// Where a claim comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A change of ours. There is one at a time for a room.
    Transfer,
    /// A question about the owner, which waits for nobody.
    Lookup,
    /// Tencent's callback about a change that is not ours, recorded some time after it.
    Callback,
}

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// Somebody was read to be the owner.
    Found(&'a str),
    /// Somebody was read to be the owner, because a callback reported a change before.
    Became(&'a str),
    /// The owner changed.
    Changed { from: Option<&'a str>, to: &'a str },
    /// The owner changed, or did not.
    MayHaveChanged(&'a str),
}

/// Something that an entry says of its room's owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    /// The entry, by its place in the history.
    pub(super) entry: usize,
    /// The entry's number: entries were begun in this order, whatever the clock said.
    pub(super) operation: i64,
    /// It happened between these times, in milliseconds.
    pub(super) from: i64,
    pub(super) until: i64,
    /// When it happened by Tencent's clock, if Tencent said so.
    pub(super) event_at: Option<i64>,
    pub(super) source: Source,
    pub(super) what: What<'a>,
}

impl<'a> Claim<'a> {
    /// Whether it is certain to have happened before another entry's claim, if this machine's clock and Tencent's
    /// differ by no more than `skew`.
    pub(super) fn is_before(&self, other: &Self, skew: i64) -> bool {
        if let (Some(this), Some(that)) = (self.event_at, other.event_at)
            && this != that
        {
            return this < that;
        }
        let by_clock = |spare: i64| self.until.saturating_add(spare) <= other.from;
        let by_number = self.operation < other.operation;
        let skew = |callback: &Self| if callback.event_at.is_some() { skew } else { 0 };
        match (self.source, other.source) {
            (Source::Callback, Source::Callback) => {
                by_number && self.event_at.is_none() && other.event_at.is_none()
            }
            // What was recorded had happened before anything was begun later.
            (Source::Callback, _) => by_number || by_clock(skew(self)),
            (_, Source::Callback) => by_number && by_clock(skew(other)),
            (Source::Transfer, Source::Transfer) => {
                by_number && (!matches!(self.what, What::MayHaveChanged(_)) || by_clock(0))
            }
            _ => by_number && by_clock(0),
        }
    }

    /// When it had happened, as closely as anything says: by Tencent's clock if that lies within, or by its end.
    pub(super) fn happened_by(&self) -> i64 {
        self.event_at.filter(|at| (self.from..=self.until).contains(at)).unwrap_or(self.until)
    }

    /// Who owned the room just after, if it happened.
    pub(super) fn owner_after(&self) -> &'a str {
        match self.what {
            What::Found(owner)
            | What::Became(owner)
            | What::Changed { to: owner, .. }
            | What::MayHaveChanged(owner) => owner,
        }
    }

    /// Who owned the room just before, as it says.
    pub(super) fn owner_before(&self) -> Option<&'a str> {
        match self.what {
            What::Found(owner) | What::Changed { from: Some(owner), .. } => Some(owner),
            What::Became(_) | What::Changed { from: None, .. } | What::MayHaveChanged(_) => None,
        }
    }
}

/// Who owned the room at the time that was asked about, in one of the orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Answer<'a> {
    /// `None` if nothing says it, or if what came next found another.
    pub(super) owner: Option<&'a str>,
    /// The claim that made it so, or found it so.
    pub(super) last: Option<usize>,
    /// The next claim, if it says who owned the room before it.
    pub(super) next: Option<usize>,
}

/// What the orders say.
#[derive(Debug)]
pub(super) enum Orders<'a> {
    /// One answer for each owner that there may have been; empty if no order fits the time that was asked about.
    Found(Vec<Answer<'a>>),
    /// There are too many.
    TooMany,
}

/// Looks through the orders in which the fewest changes are missing: those that both clocks speak for, and those that
/// are possible if one of them is wrong.
pub(super) fn orders<'a>(claims: &[Claim<'a>], time: i64) -> Orders<'a> {
    let mut answers = Vec::new();
    for skew in [0, SKEW] {
        match orders_within(claims, time, skew) {
            Orders::TooMany => return Orders::TooMany,
            Orders::Found(found) => found.into_iter().for_each(|answer| add(&mut answers, answer)),
        }
    }
    Orders::Found(answers)
}

/// Adds an answer, unless there is one of the same owner.
fn add<'a>(answers: &mut Vec<Answer<'a>>, answer: Answer<'a>) {
    match answers.iter_mut().find(|other| other.owner == answer.owner) {
        // What only follows from later claims is less than known.
        Some(other) if answer.last.is_none() => *other = answer,
        Some(_) => {}
        None => answers.push(answer),
    }
}

fn orders_within<'a>(claims: &[Claim<'a>], time: i64, skew: i64) -> Orders<'a> {
    let bit = |index: usize| 1_u128 << index;
    let mask =
        |is: &dyn Fn(usize) -> bool| (0..claims.len()).filter(|i| is(*i)).fold(0, |mask, i| mask | bit(i));
    if claims.len() > 128 {
        return Orders::TooMany;
    }
    let comes_first = |a: usize, b: usize| {
        let (this, that) = (&claims[a], &claims[b]);
        if this.entry == that.entry { a < b } else { this.is_before(that, skew) }
    };
    // A change of ours that is reported outside of its own call shows how far the clocks are apart.
    let apart = claims.iter().filter_map(|claim| Some((claim, claim.event_at?)));
    let apart = apart
        .map(|(claim, at)| claim.from.saturating_sub(at).max(at.saturating_sub(claim.until)).max(0))
        .max();
    let apart = apart.unwrap_or_default();
    let mut search = Search {
        claims,
        first: (0..claims.len()).map(|b| mask(&|a| comes_first(a, b))).collect(),
        before: mask(&|i| claims[i].until.saturating_add(apart) <= time),
        after: mask(&|i| claims[i].from.saturating_sub(apart) > time),
        seen: HashSet::new(),
        answers: Vec::new(),
        steps: 0,
    };
    for missing in 0..=u32::try_from(claims.len()).unwrap_or(u32::MAX) {
        search.seen.clear();
        search.go(0, None, Asked::NotYet(None), missing);
        if search.steps > MOST_STEPS {
            return Orders::TooMany;
        }
        if !search.answers.is_empty() {
            break;
        }
    }
    Orders::Found(search.answers)
}

/// How far the time that was asked about is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asked<'a> {
    /// It is still to come; the last claim so far.
    NotYet(Option<usize>),
    /// It is now, and what comes next may say more.
    Now(Answer<'a>),
    Answered(Answer<'a>),
}

struct Search<'c, 'a> {
    claims: &'c [Claim<'a>],
    /// Which claims are certain to come before each.
    first: Vec<u128>,
    /// Which claims are certain to come before the time that was asked about, and which after it.
    before: u128,
    after: u128,
    seen: HashSet<(u128, Option<&'a str>, Asked<'a>, u32)>,
    answers: Vec<Answer<'a>>,
    steps: u32,
}

impl<'a> Search<'_, 'a> {
    fn go(&mut self, placed: u128, owner: Option<&'a str>, asked: Asked<'a>, missing: u32) {
        self.steps += 1;
        if self.steps > MOST_STEPS || !self.seen.insert((placed, owner, asked, missing)) {
            return;
        }
        if let Asked::NotYet(last) = asked
            && self.before & !placed == 0
            && self.after & placed == 0
        {
            self.go(placed, owner, Asked::Now(Answer { owner, last, next: None }), missing);
        }
        let mut is_end = true;
        for index in 0..self.claims.len() {
            if placed & (1 << index) == 0 {
                is_end = false;
                if self.first[index] & !placed == 0 {
                    self.place(index, placed | (1 << index), owner, asked, missing);
                }
            }
        }
        if is_end && let Asked::Now(answer) | Asked::Answered(answer) = asked {
            add(&mut self.answers, answer);
        }
    }

    fn place(&mut self, index: usize, placed: u128, owner: Option<&'a str>, asked: Asked<'a>, missing: u32) {
        let claim = &self.claims[index];
        if let What::MayHaveChanged(_) = claim.what {
            self.go(placed, owner, asked, missing);
        }
        let is_free = matches!(claim.what, What::Became(_));
        let found = if is_free { Some(claim.owner_after()) } else { claim.owner_before() };
        let differs = owner.is_some() && found.is_some() && owner != found;
        let Some(missing) = missing.checked_sub(u32::from(differs && !is_free)) else { return };
        let asked = match asked {
            Asked::NotYet(_) => Asked::NotYet(Some(index)),
            Asked::Now(answer) => Asked::Answered(match found {
                // Nobody said so before; but when somebody became the owner is not known here.
                _ if is_free && owner.is_none() => Answer { next: Some(index), ..answer },
                Some(found) if owner.is_none() => {
                    Answer { owner: Some(found), last: None, next: Some(index) }
                }
                Some(_) if differs => Answer { owner: None, next: Some(index), ..answer },
                Some(_) => Answer { next: Some(index), ..answer },
                None => answer,
            }),
            answered @ Asked::Answered(_) => answered,
        };
        self.go(placed, Some(claim.owner_after()), asked, missing);
    }
}
