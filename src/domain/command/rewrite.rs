//! The line that was probably meant by one of `/room-acl` or `/room-audit` that is refused: its words in another order,
//! a key without its colon, a word that is misspelt, an id without its workspace. Only lines of the grammar, and only if
//! few are possible: where many are, nobody knows.

use super::build::LONGEST_LINE;
use super::grammar::values;
use super::invocation::Invocation;
use super::line::{Item, Mention, Typed, is_space};
use super::{CommandGroup, Kind, Problem, UsageError, Verb};
use crate::domain::principal::Channel;

/// The most words that are looked at.
const MOST_WORDS: usize = 60;
/// The most words whose order is looked at: there are 24 ways to order four.
const MOST_ORDERED: usize = 4;
/// The most lines that one may be meant as.
const MOST_LINES: usize = 2;
/// Words that say nothing here: `grant moderator to @bob and @ana`.
const FILLERS: &[&str] = &["and", "to", "as", "role", "please", "&", "+"];

/// The lines that were probably meant by one that is typed `here`.
pub(super) fn rewritten(error: &UsageError, line: &Typed, here: Option<&Channel>) -> Vec<Invocation> {
    let words: Vec<&[Item]> =
        line.0.split(is_space).filter(|word| !word.is_empty()).take(MOST_WORDS + 1).collect();
    if words.len() > MOST_WORDS {
        return Vec::new();
    }
    for (verb, words) in beginnings(error, &words) {
        let fewer = words.iter().enumerate().filter(|(at, _)| !is_filler(verb, &words[*at..]));
        let fewer = fewer.map(|(_, word)| word.clone()).collect();
        let other = words.iter().map(for_and_until_exchanged).collect();
        for words in [fewer, words, other] {
            let mut found = Vec::new();
            for words in variants(verb, &words, here) {
                found.extend(
                    readings(verb, &words)
                        .into_iter()
                        .filter(|line| !found.contains(line))
                        .collect::<Vec<_>>(),
                );
            }
            if (1..=MOST_LINES).contains(&found.len()) {
                return found;
            }
        }
    }
    Vec::new()
}

/// Whether the first word says nothing. The last one in front of a key may be a room, which nobody leaves out.
fn is_filler(verb: &Verb, words: &[Typed]) -> bool {
    let [first, next, ..] = words else { return false };
    let (first, next) = (first.to_string().to_ascii_lowercase(), next.to_string());
    FILLERS.contains(&first.as_str()) && verb.key_near(next.trim_end_matches(':')).is_none()
}

fn text_of(word: &[Item]) -> String {
    Typed(word.to_vec()).to_string()
}

/// The verbs that the line may begin with, and what stands behind each.
fn beginnings(error: &UsageError, words: &[&[Item]]) -> Vec<(&'static Verb, Vec<Typed>)> {
    let behind = |verb: &'static Verb, length: usize| -> (&'static Verb, Vec<Typed>) {
        (verb, words[length.min(words.len())..].iter().flat_map(|word| parted(verb, word)).collect())
    };
    let start: Vec<String> = words.iter().take(2).map(|word| text_of(word)).collect();
    if let [verb] = error.verbs.as_slice() {
        return vec![behind(verb, verb.length_in(&start))];
    }
    let verbs = Verb::all(error.family).iter();
    let near = |verb: &&Verb| {
        let (typed, known) = (start[..verb.words.len().min(start.len())].join(" "), verb.words.join(" "));
        strsim::osa_distance(&typed.to_ascii_lowercase(), &known) <= known.len() / 3
    };
    let misspelt = verbs.clone().filter(near).map(|verb| behind(verb, verb.words.len()));
    let begins_with_somebody = matches!(words.first(), Some([Item::Mention(Mention::Subject(_), _), ..]));
    // `@bob moderator`, `@bob live-7`, `@bob`; a room in front of a look into the log.
    let left_out = verbs.filter(|verb| match error.family {
        CommandGroup::Acl => {
            begins_with_somebody && verb.positional().next().is_some_and(|it| it.name == "who")
        }
        _ => matches!(error.problem, Problem::UnknownVerb(_)) && verb.words == ["list"],
    });
    let whole = |verb: &'static Verb| match behind(verb, 0) {
        (_, words) if error.family == CommandGroup::Audit => {
            (verb, [vec![Typed::plain("room:")], words].concat())
        }
        whole => whole,
    };
    misspelt.chain(left_out.map(whole)).collect()
}

/// `rooms:live-*` as two words, and a key that is misspelt as the one that was meant.
fn parted(verb: &Verb, word: &[Item]) -> Vec<Typed> {
    let colon = word.iter().position(|item| matches!(item, Item::Char(':' | '：')));
    let key = colon.and_then(|at| verb.key_near(&text_of(&word[..at])));
    match (colon, key) {
        (Some(at), Some(key)) => {
            let behind = Typed(word[at + 1..].to_vec());
            let parts = [Typed::plain(&format!("{key}:")), behind];
            parts.into_iter().filter(|part| !part.0.is_empty()).collect()
        }
        _ => vec![Typed(word.to_vec())],
    }
}

fn for_and_until_exchanged(word: &Typed) -> Typed {
    match word.to_string().as_str() {
        "for" | "for:" => Typed::plain("until:"),
        "until" | "until:" => Typed::plain("for:"),
        _ => word.clone(),
    }
}

/// The words as they were probably meant: `rooms` as `rooms:`, `moderater` and `mod` as `moderator`, `U0BOB` with its
/// workspace.
fn variants(verb: &Verb, words: &[Typed], here: Option<&Channel>) -> Vec<Vec<Typed>> {
    words.iter().fold(vec![Vec::new()], |lines, word| {
        let meant = repaired(verb, word, here);
        // What could be anything is left as it is.
        let meant = if lines.len() * meant.len() > MOST_LINES { vec![word.clone()] } else { meant };
        let with = |line: &Vec<Typed>| {
            meant.iter().map(|word| [&line[..], std::slice::from_ref(word)].concat()).collect::<Vec<_>>()
        };
        lines.iter().flat_map(with).collect()
    })
}

fn repaired(verb: &Verb, word: &Typed, here: Option<&Channel>) -> Vec<Typed> {
    let typed = word.to_string();
    let text = typed.to_ascii_lowercase();
    if word.0.iter().any(|item| matches!(item, Item::Mention(..))) || text.len() < 2 {
        return vec![word.clone()];
    }
    if verb.parameters.iter().any(|it| it.keys.contains(&text.as_str())) {
        return vec![Typed::plain(&format!("{text}:"))];
    }
    let whole = here.map_or_else(Vec::new, |here| here.ids_beside(&typed));
    if !whole.is_empty() {
        return whole.iter().map(|id| Typed::plain(id)).collect();
    }
    let words = verb.parameters.iter().filter_map(|it| match it.kind {
        Kind::OneOf(words) | Kind::SomeOf(words) => Some(words()),
        _ => None,
    });
    let near = |known: &&str| {
        known.starts_with(&text) && text.len() >= 3 || strsim::osa_distance(known, &text) <= known.len() / 4
    };
    vec![words.flatten().find(near).map_or(word.clone(), Typed::plain)]
}

/// The lines of the grammar that these words make with as few as possible of them in another place.
fn readings(verb: &'static Verb, words: &[Typed]) -> Vec<Invocation> {
    let is_key = |word: &Typed| matches!(word.0.last(), Some(Item::Char(':')));
    let ordered = words.iter().take_while(|word| !is_key(word)).count().min(MOST_ORDERED);
    let mut orders = orders(ordered);
    orders.sort_by_key(|order| moved(order));
    let mut found: Vec<(usize, Invocation)> = Vec::new();
    for order in orders {
        let moved = moved(&order);
        if found.first().is_some_and(|(fewest, _)| moved > *fewest) {
            break;
        }
        let mut whole = Typed::plain(&verb.words.join(" "));
        for word in order.iter().map(|at| &words[*at]).chain(&words[ordered..]) {
            whole.push_text(" ");
            whole.0.extend(word.0.iter().cloned());
        }
        let Ok((verb, values)) = values(verb.family, &whole) else { continue };
        let line = values.written(verb);
        if values.build(verb).is_ok() && line.as_typed().chars().count() <= LONGEST_LINE {
            found.push((moved, line));
        }
    }
    found.into_iter().map(|(_, line)| line).collect()
}

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![Vec::new()], |orders, next| {
        let with = |order: &Vec<usize>| {
            (0..=order.len()).map(|at| [&order[..at], &[next], &order[at..]].concat()).collect::<Vec<_>>()
        };
        orders.iter().flat_map(with).collect()
    })
}

/// How many pairs stand the other way round.
fn moved(order: &[usize]) -> usize {
    (0..order.len()).map(|at| order[at..].iter().filter(|behind| **behind < order[at]).count()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::parse_in;
    use super::*;
    use crate::domain::principal::Subject;

    fn meant_in(family: CommandGroup, line: &str, here: Option<&str>) -> Vec<String> {
        let mut typed = Typed::default();
        for (n, word) in line.split(' ').enumerate() {
            typed.push_text(if n == 0 { "" } else { " " });
            let (word, comma) = word.strip_suffix(',').map_or((word, ""), |word| (word, ","));
            let somebody = |id: &str| Mention::Subject(format!("slack:T1:{id}").parse::<Subject>().unwrap());
            match word {
                "@bob" => typed.push_mention(somebody("U2"), "@bob"),
                "@ana" => typed.push_mention(somebody("U3"), "@ana"),
                "#mods" => typed.push_mention(Mention::Channel("slack:T1:C1".parse().unwrap()), "#mods"),
                word => typed.push_text(word),
            }
            typed.push_text(comma);
        }
        let here = here.map(|here| here.parse().unwrap());
        let error = parse_in(family, &typed, here.as_ref()).expect_err(line);
        error.meant.iter().map(Invocation::as_typed).collect()
    }

    fn meant(family: CommandGroup, line: &str) -> Vec<String> {
        meant_in(family, line, None)
    }

    #[test]
    fn words_in_another_order_and_misspelt_ones_are_put_right() {
        for (typed, right) in [
            ("grant moderator @bob", "grant @bob moderator"),
            ("grant moderator to @bob and @ana", "grant @bob, @ana moderator"),
            ("grant @bob as mod in #mods", "grant @bob moderator in: #mods"),
            ("grant moderator @bob live-*", "grant @bob moderator rooms: live-*"),
            ("grant @bob mod", "grant @bob moderator"),
            ("grant @bob moderater rooms: live-*", "grant @bob moderator rooms: live-*"),
            ("grant @bob moderator romms:live-*", "grant @bob moderator rooms: live-*"),
            ("grant @bob moderator rooms live-* in #mods", "grant @bob moderator rooms: live-* in: #mods"),
            ("grant @bob moderator until: 2h", "grant @bob moderator for: 2h"),
            ("grant @bob moderator for: 18:00", "grant @bob moderator until: 18:00"),
            ("garnt @bob moderator", "grant @bob moderator"),
            ("@bob moderator", "grant @bob moderator"),
            ("@bob live-7", "why @bob live-7"),
            ("why live-7 @bob", "why @bob live-7"),
            ("channel allow live-* #mods", "channel allow #mods rooms: live-*"),
            ("chanel allow #mods", "channel allow #mods"),
            ("list attenton", "list attention"),
        ] {
            assert_eq!(meant(CommandGroup::Acl, typed), [right], "{typed}");
        }
        for (typed, right) in [
            ("owner-at yesterday live-7", "owner-at live-7 yesterday"),
            ("stats by actr", "stats by: actor"),
            ("outcome: refusd", "outcome: refused"),
            ("live-7", "room: live-7"),
            ("live-7 since: 2h", "room: live-7 since: 2h"),
        ] {
            assert_eq!(meant(CommandGroup::Audit, typed), [right], "{typed}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_shown_by_its_form_and_the_rest_stays() {
        for (typed, right) in [
            ("grant @bob", "grant @bob <role>"),
            ("grant @bob boss rooms: live-*", "grant @bob <role> rooms: live-*"),
            ("grant @boris moderator rooms: live-*", "grant <person> moderator rooms: live-*"),
            ("grant @bob moderator for: ever", "grant @bob moderator for: 8h"),
            ("grant @bob moderator for: 1ms", "grant @bob moderator for: 8h"),
            ("grant @bob moderator rooms: a*b reason: x", "grant @bob moderator rooms: live-* reason: x"),
            ("why @bob", "why @bob <room>"),
            ("revoke x reason: left", "revoke <grant> reason: left"),
        ] {
            assert_eq!(meant(CommandGroup::Acl, typed), [right], "{typed}");
        }
        for (typed, right) in [
            ("owner-at live-7", "owner-at live-7 <time>"),
            ("owner-at live-7 soon", "owner-at live-7 <time>"),
            ("room: live-7 since: soon", "room: live-7 since: yesterday"),
            ("room: live-7 limit: 11", "room: live-7 limit: 5"),
        ] {
            assert_eq!(meant(CommandGroup::Audit, typed), [right], "{typed}");
        }
        for typed in ["why", "revoke x", "frobnicate", "grant boss"] {
            assert!(meant(CommandGroup::Acl, typed).is_empty(), "{typed}");
        }
    }

    #[test]
    fn an_id_alone_is_met_with_the_whole_one() {
        let (slack, discord) = (Some("slack:T1:C1"), Some("discord:7:5"));
        for (typed, here, right) in [
            ("grant U0BORIS moderator", slack, &["grant slack:T1:U0BORIS moderator"][..]),
            ("grant u0boris moderator", slack, &["grant slack:T1:U0BORIS moderator"]),
            ("grant <@U0BORIS> moderator", slack, &["grant slack:T1:U0BORIS moderator"]),
            (
                "grant S0GROUP moderator rooms: live-*",
                slack,
                &["grant slack:T1:group:S0GROUP moderator rooms: live-*"],
            ),
            ("why U0BORIS live-7 in: C0OPS", slack, &["why slack:T1:U0BORIS live-7 in: slack:T1:C0OPS"]),
            ("channel allow C0OPS", slack, &["channel allow slack:T1:C0OPS"]),
            (
                "grant 900000000000000001 moderator",
                discord,
                &[
                    "grant discord:7:900000000000000001 moderator",
                    "grant discord:7:role:900000000000000001 moderator",
                ],
            ),
            ("grant boris moderator", slack, &["grant <person> moderator"]),
        ] {
            assert_eq!(meant_in(CommandGroup::Acl, typed, here), right, "{typed}");
        }
        assert_eq!(meant_in(CommandGroup::Audit, "actor:U0BORIS", slack), ["actor: slack:T1:U0BORIS"]);
    }
}
