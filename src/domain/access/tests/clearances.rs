//! What a hand-over takes: [`clear`] compared with a second telling of its rule, on people rather than on ids.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::{Approval, Asker, AtHand, Clearance, Mark, Needed, NotSecond, Setting, clear};
use super::*;

/// Ids, and the person that each belongs to: nobody has two of one workspace or server.
const IDS: [(&str, usize); 7] = [
    ("slack:T1:U1", 0),
    ("slack:T1:U2", 1),
    ("slack:T1:U3", 2),
    ("slack:T2:U1", 1),
    ("discord:1:11", 0),
    ("discord:1:12", 2),
    ("cli:ana", 0),
];

fn second(at: i64) -> Timestamp {
    hour(12) + jiff::SignedDuration::from_secs(at)
}

/// From when to when somebody had the account of their person.
type Link = (usize, i64, Option<i64>);

#[derive(Debug, Clone)]
struct Case {
    mark: Option<Mark>,
    is_new_account: bool,
    by: usize,
    asker: usize,
    gives: Option<Needed>,
    asked: i64,
    now: i64,
    asker_may: bool,
    links: Vec<Link>,
}

fn cases() -> impl Strategy<Value = Case> {
    let id = || 0..IDS.len();
    let link = (id(), 0..20_i64, proptest::option::of(0..10_i64));
    let link = link.prop_map(|(id, from, lasting)| (id, from, lasting.map(|it| from + it)));
    let mark = select(vec![None, Some(Mark::Confirm), Some(Mark::TwoPerson), Some(Mark::TwoPerson)]);
    let gives = select(vec![None, Some(Needed::Confirmation), Some(Needed::SecondPerson)]);
    (
        (mark, any::<bool>(), id(), id(), gives),
        (0..20_i64, 0..20_i64, prop::bool::weighted(0.8), proptest::collection::vec(link, 0..8)),
    )
        .prop_map(|((mark, is_new_account, by, asker, gives), (asked, now, asker_may, links))| Case {
            mark,
            is_new_account,
            by,
            asker,
            gives,
            asked,
            now,
            asker_may,
            links,
        })
}

fn subject(id: usize) -> Subject {
    IDS[id].0.parse().unwrap()
}

fn tenant(id: usize) -> &'static str {
    IDS[id].0.rsplit_once(':').unwrap().0
}

fn setting(setting: Setting, from: i64, until: Option<i64>) -> AclSetting {
    AclSetting {
        setting,
        set_by: subject(6),
        set_at: second(from),
        removed_at: until.map(second),
        reason: None,
    }
}

impl Case {
    fn clear(&self) -> Clearance {
        let mark = self.mark.map(|mark| setting(Setting::Mark { rooms: RoomScope::All, mark }, -9, None));
        let acl = AclView { version: 7, settings: mark.into_iter().collect(), ..AclView::default() };
        let action = Action::Transfer("test".parse().unwrap());
        let Decision::Permit(permit) =
            decide(&Principal::new(subject(6)), &Place::Local, action, &acl, second(self.now))
        else {
            panic!("the command line may")
        };
        let links: Vec<AclSetting> = self
            .links
            .iter()
            .map(|(id, from, until)| {
                let account = format!("account-{}", IDS[*id].1).parse().unwrap();
                setting(Setting::Link { person: subject(*id), account }, *from, *until)
            })
            .collect();
        let asker =
            Asker { subject: subject(self.asker), name: None, groups: Vec::new(), at: second(self.asked) };
        let approval = self.gives.map(|gives| Approval { gives, asker });
        let at_hand = match &approval {
            None => AtHand::Nothing,
            Some(approval) => AtHand::Pressed { approval, asker_may: self.asker_may, links: &links },
        };
        clear(permit, &subject(self.by), &acl, self.is_new_account, &at_hand, second(self.now))
    }

    /// Whether somebody was linked at a moment; `until` counts where that is asked for.
    fn is_linked(&self, id: usize, at: i64, until_too: bool) -> bool {
        self.links.iter().any(|(linked, from, until)| {
            *linked == id && *from <= at && until.is_none_or(|end| at < end || until_too && at == end)
        })
    }

    /// Whether both people were met with one account at any moments from the request to the press.
    fn shared_an_account(&self) -> bool {
        let (from, until) = (self.asked.min(self.now), self.asked.max(self.now));
        let had = |id| (from..=until).any(|at| self.is_linked(id, at, true));
        IDS[self.by].1 == IDS[self.asker].1 && had(self.by) && had(self.asker)
    }

    fn counts_as_two(&self) -> bool {
        let both = [self.by, self.asker];
        let linked = both
            .iter()
            .all(|id| self.is_linked(*id, self.asked, false) && self.is_linked(*id, self.now, false));
        self.by != self.asker
            && !IDS[self.by].0.starts_with("cli:")
            && !self.shared_an_account()
            && (tenant(self.by) == tenant(self.asker) && !IDS[self.asker].0.starts_with("cli:") || linked)
    }

    /// What has to come of it.
    fn model(&self) -> &'static str {
        let is_second = self.gives == Some(Needed::SecondPerson);
        let is_confirmed = self.gives == Some(Needed::Confirmation) && self.by == self.asker;
        match self.mark {
            _ if is_second && !(self.counts_as_two() && self.asker_may) => "not second",
            _ if is_second => "cleared by two",
            Some(Mark::TwoPerson) => "takes a second person",
            Some(Mark::Confirm) if !is_confirmed => "takes confirmation",
            None if self.is_new_account && !is_confirmed => "takes confirmation",
            _ => "cleared",
        }
    }
}

fn name(clearance: &Clearance) -> &'static str {
    match clearance {
        Clearance::Cleared(cleared) if cleared.requested_by().is_some() => "cleared by two",
        Clearance::Cleared(_) => "cleared",
        Clearance::Takes(_, takes) if takes.needed == Needed::SecondPerson => "takes a second person",
        Clearance::Takes(..) => "takes confirmation",
        Clearance::NotSecond(_) => "not second",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn clear_agrees_with_the_model(case in cases()) {
        prop_assert_eq!(name(&case.clear()), case.model());
    }

    #[test]
    fn nobody_hands_a_two_person_room_over_alone(case in cases()) {
        let case = Case { mark: Some(Mark::TwoPerson), ..case };
        if let Clearance::Cleared(cleared) = case.clear() {
            prop_assert_eq!(cleared.requested_by().map(|asker| &asker.subject), Some(&subject(case.asker)));
            prop_assert_ne!(IDS[case.by].1, IDS[case.asker].1);
        }
    }
}

fn two(asker: usize, by: usize, links: &[Link]) -> Case {
    Case {
        mark: Some(Mark::TwoPerson),
        is_new_account: false,
        by,
        asker,
        gives: Some(Needed::SecondPerson),
        asked: 5,
        now: 10,
        asker_may: true,
        links: links.to_vec(),
    }
}

#[test]
fn people_of_two_platforms_are_two_by_their_links_alone() {
    let refused = Clearance::NotSecond(NotSecond::NotKnownToBeTwo(subject(0)));
    assert_eq!(two(0, 5, &[]).clear(), refused);
    assert_eq!(two(0, 5, &[(0, 0, None)]).clear(), refused);
    assert_eq!(two(0, 5, &[(0, 0, None), (5, 7, None)]).clear(), refused, "linked since the request");
    assert_eq!(two(0, 5, &[(0, 0, Some(8)), (5, 0, None)]).clear(), refused, "linked no more");
    assert_eq!(name(&two(0, 5, &[(0, 0, None), (5, 0, None)]).clear()), "cleared by two");
    let same = Clearance::NotSecond(NotSecond::SameAccount(subject(0)));
    assert_eq!(two(0, 4, &[(0, 0, None), (4, 0, None)]).clear(), same);
}

#[test]
fn nobody_at_the_command_line_is_a_second_person() {
    let linked = [(0, 0, None), (6, 0, None), (1, 0, None)];
    assert_eq!(name(&two(1, 6, &linked).clear()), "not second");
    assert_eq!(name(&two(6, 1, &[]).clear()), "not second");
}

#[test]
fn a_permit_of_another_version_of_the_acl_is_taken_for_the_strictest() {
    let now = second(0);
    let action = Action::Transfer("test".parse().unwrap());
    let before = AclView::default();
    let Decision::Permit(permit) = decide(&Principal::new(subject(6)), &Place::Local, action, &before, now)
    else {
        panic!("the command line may")
    };
    let after = AclView { version: 8, ..before };
    let cleared = clear(permit, &subject(6), &after, false, &AtHand::Confirmed, now);
    assert_eq!(name(&cleared), "takes a second person");
}

/// Who else may, of what is known: texts, joined.
fn others(world: &World, action: Action, known: &Known) -> String {
    let found =
        super::super::who_else(&super::subject(ALICE), &action, &channel(OPS), &world.acl, known, hour(12));
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn whoever_else_may_do_it_is_found_by_the_rule_that_decides() {
    let transfer = || Action::Transfer(room("test"));
    let world = World::new()
        .grant(ALICE, "admin", "*")
        .grant("slack:T1:U2", "moderator", "test")
        .grant("slack:T1:U3", "moderator", "live-*")
        .grant("slack:T1:U4", "auditor", "*")
        .grant("slack:T1:U5", "moderator", "*")
        .grant("slack:T1:U5", "moderator", "*")
        .but(|grant| grant.effect = Effect::Deny)
        .grant("slack:T2:U6", "moderator", "*")
        .grant("cli:ana", "admin", "*")
        .grant(HOSTS, "moderator", "*");
    let mut known = Known { looks_up_groups: true, ..Known::default() };
    assert_eq!(others(&world, transfer(), &known), "slack:T1:U2", "nobody knows the group");
    let members = ["U1", "U7", "U5"].map(str::to_owned).into();
    known.readings.insert(super::subject(HOSTS), Reading { members, as_of: Some(hour(12)), problem: None });
    assert_eq!(others(&world, transfer(), &known), "slack:T1:U2 slack:T1:U7");
    assert_eq!(others(&world, Action::Override(room("test")), &known), "");
}

#[test]
fn what_discord_said_of_roles_counts_for_ten_minutes() {
    let asker = Asker {
        subject: super::subject("discord:1:11"),
        name: None,
        groups: vec![super::subject("discord:1:role:5")],
        at: second(0),
    };
    let known = Known::default();
    let groups = |at| known.asker(&asker, second(at)).map(|principal| principal.groups);
    assert_eq!(groups(600), Some(asker.groups.clone()));
    assert_eq!((groups(601), groups(-1)), (None, None));
}
