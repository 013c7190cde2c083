//! The line that was probably meant by one of `/room-acl` or `/room-audit` that is refused: its words in another order,
//! a key without its colon, a word that is misspelt, an id without its workspace. Only lines of the grammar, and only if
//! few are possible: where many are, nobody knows.

use super::build::LONGEST_LINE;
use super::grammar::written;
use super::invocation::Invocation;
use super::line::{Cursor, Item, Mention, Typed, is_space};
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
/// What begins a reason, and is no part of it.
const BECAUSE: &[&str] = &["because", "for", "-", "–", "—"];
/// Other words for those of the grammar.
const SAME: &[(&str, &str)] = &[
    ("everything", "all"),
    ("everyone", "all"),
    ("everybody", "all"),
    ("ended", "all"),
    ("errors", "failed"),
    ("hand-overs", "transfer"),
    ("handovers", "transfer"),
];
/// The filters of the log by which a word without a key may be meant, a room last: that may be called anything.
const FILTERS: &[&str] = &["since", "until", "outcome", "kind", "actor", "in", "limit", "room"];

/// The lines of another command than `family`, a verb of which is the first word.
pub(super) fn of_another_command(
    family: CommandGroup,
    first: &str,
    line: &Typed,
    here: Option<&Channel>,
) -> Vec<Invocation> {
    let verbs: Vec<&Verb> = Verb::beginning_with(first).collect();
    if verbs.iter().any(|verb| verb.family == family) {
        return Vec::new();
    }
    // `room test`: rather the label of a value here than the verb there.
    let mut labels = Verb::all(family).iter().flat_map(|verb| verb.parameters).map(|it| it.name);
    let is_label = labels.any(|label| first.eq_ignore_ascii_case(label));
    let mut cursor = Cursor { items: &line.0 };
    if CommandGroup::is_in_front_of(&line.to_string()) {
        cursor.skip_word();
    }
    let line = Typed(cursor.items.to_vec());
    let read = |verb: &&Verb| written(verb.family, &line, here);
    if let Some(line) = verbs.iter().find_map(|verb| read(verb).ok()) {
        return vec![line];
    }
    if is_label {
        return Vec::new();
    }
    let meant = |verb: &&Verb| {
        let error = read(verb).err()?;
        let lines = rewritten(&error, &line, here);
        Some(if lines.is_empty() { error.meant } else { lines }).filter(|lines| !lines.is_empty())
    };
    let form = || verbs.iter().find_map(|verb| verb.form());
    verbs.iter().find_map(meant).unwrap_or_else(|| form().into_iter().collect())
}

/// The lines that were probably meant by one that does not fit.
pub(super) fn rewritten(error: &UsageError, line: &Typed, here: Option<&Channel>) -> Vec<Invocation> {
    let words: Vec<&[Item]> =
        line.0.split(is_space).filter(|word| !word.is_empty()).take(MOST_WORDS + 1).collect();
    if words.len() > MOST_WORDS {
        return Vec::new();
    }
    if error.verbs.is_empty() {
        let first = words.first().map(|word| text_of(word)).unwrap_or_default();
        let lines = of_another_command(error.family, &first, line, here);
        if !lines.is_empty() && !Verb::all(error.family).iter().any(|verb| is_shortened(verb, &first)) {
            return lines;
        }
    }
    let beginnings = beginnings(error, &words);
    for (verb, words) in &beginnings {
        let fewer = words.iter().enumerate().filter(|(at, _)| !is_filler(verb, &words[*at..]));
        let fewer: Vec<Typed> = fewer.map(|(_, word)| word.clone()).collect();
        let other = words.iter().map(for_and_until_exchanged).collect();
        let with_reason = with_reason(verb, &fewer);
        let with_keys =
            variants(verb, &fewer, here).iter().filter_map(|words| with_keys(verb, words, here)).collect();
        for lines in [vec![fewer], vec![words.clone()], vec![other], with_reason, with_keys] {
            let mut found = Vec::new();
            for words in lines.iter().flat_map(|words| variants(verb, words, here)) {
                for line in readings(verb, &words, here) {
                    if !found.contains(&line) {
                        found.push(line);
                    }
                }
            }
            if (1..=MOST_LINES).contains(&found.len()) {
                return found;
            }
        }
    }
    // A verb that is misspelt, behind which something is missing.
    let form = |verb: &'static Verb, words: &[Typed]| {
        let mended = written(error.family, &line_of(verb, words), here).err()?.meant.pop();
        mended.or_else(|| verb.form())
    };
    let begins = |verb: &Verb| {
        begins_near(verb, &words) || words.first().is_some_and(|word| is_shortened(verb, &text_of(word)))
    };
    let misspelt = beginnings.iter().filter(|(verb, _)| error.verbs.is_empty() && begins(verb));
    misspelt.filter_map(|(verb, words)| form(verb, words)).take(1).collect()
}

/// Whether the first word says nothing, or what the next one is: `revoke grant 3`. The last one in front of a key may
/// be a room, which nobody leaves out.
fn is_filler(verb: &Verb, words: &[Typed]) -> bool {
    let [first, next, ..] = words else { return words.iter().any(|last| last.to_string() == "please") };
    let (first, next) = (first.to_string().to_ascii_lowercase(), next.to_string());
    let is_label = || verb.positional().any(|it| it.keys.is_empty() && it.name == first);
    (FILLERS.contains(&first.as_str()) || is_label()) && verb.key_near(next.trim_end_matches(':')).is_none()
}

/// The lines in which the last words are a reason, from that with the shortest on: `revoke 3 left the team`.
fn with_reason(verb: &Verb, words: &[Typed]) -> Vec<Vec<Typed>> {
    let is_key =
        |word: &Typed| word.to_string().split_once(':').is_some_and(|(key, _)| verb.key_near(key).is_some());
    let is_plain =
        |word: Option<&Typed>| word.is_some_and(|word| word.to_string().chars().all(char::is_alphabetic));
    if verb.parameter("reason").is_none() {
        return Vec::new();
    }
    let first = words.iter().rposition(is_key).map_or(1, |at| at + 2);
    let split = |at: usize| {
        let is_because = BECAUSE.contains(&words[at].to_string().to_ascii_lowercase().as_str());
        let begin = if is_because { at + 1 } else { at };
        // What is no word of a sentence is rather a room, or how long.
        is_plain(words.get(begin))
            .then(|| [&words[..at], &[Typed::plain("reason:")], &words[begin..]].concat())
    };
    (first..words.len()).rev().filter_map(split).collect()
}

/// The words of a look into the log, each behind the key of the first filter that takes it: `test yesterday 14:03`.
fn with_keys(verb: &'static Verb, words: &[Typed], here: Option<&Channel>) -> Option<Vec<Typed>> {
    if verb.family != CommandGroup::Audit || !verb.words.contains(&"list") {
        return None;
    }
    let mut line: Vec<Typed> = Vec::new();
    let fits = |line: &[Typed]| written(verb.family, &line_of(verb, line), here).is_ok();
    for (at, word) in words.iter().enumerate() {
        if is_key(word) || at > MOST_ORDERED {
            line.extend_from_slice(&words[at..]);
            break;
        }
        let with = |key: &[Typed]| [&line[..], key, std::slice::from_ref(word)].concat();
        let keys = FILTERS.iter().map(|key| with(&[Typed::plain(&format!("{key}:"))]));
        line = std::iter::once(with(&[])).chain(keys).find(|line| fits(line))?;
    }
    Some(line)
}

/// The verb and the words behind it.
fn line_of(verb: &Verb, words: &[Typed]) -> Typed {
    let mut line = Typed::plain(&verb.words.join(" "));
    for word in words {
        line.push_text(" ");
        line.0.extend(word.0.iter().cloned());
    }
    line
}

fn is_key(word: &Typed) -> bool {
    matches!(word.0.last(), Some(Item::Char(':')))
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
    // `who can`
    let is_parted = |verb: &&Verb| verb.words.concat() == start.join("-").to_ascii_lowercase();
    let is_shortened = |verb: &&Verb| start.first().is_some_and(|word| is_shortened(verb, word));
    let parted = verbs.clone().filter(is_parted).map(|verb| behind(verb, 2));
    let misspelt =
        verbs.clone().filter(is_shortened).chain(verbs.clone().filter(|verb| begins_near(verb, words)));
    let misspelt = parted.chain(misspelt.map(|verb| behind(verb, verb.words.len())));
    let is_mention = |word: &&[Item]| matches!(word, [Item::Mention(Mention::Subject(_), _), ..]);
    let names_somebody = words.iter().take(MOST_ORDERED).any(is_mention);
    // `@bob moderator`, `moderator @bob`, `@bob live-7`; what a look into the log is about.
    let left_out = verbs.filter(|verb| match error.family {
        CommandGroup::Acl => names_somebody && verb.positional().next().is_some_and(|it| it.name == "who"),
        _ => matches!(error.problem, Problem::UnknownVerb(_)) && verb.words == ["list"],
    });
    misspelt.chain(left_out.map(|verb| behind(verb, 0))).collect()
}

/// Whether the word is how the verb begins: `owner` for `owner-at`.
fn is_shortened(verb: &Verb, word: &str) -> bool {
    word.len() >= 3 && verb.words.first().is_some_and(|known| known.starts_with(&word.to_ascii_lowercase()))
}

/// Whether the words begin with the verb, but for an error of typing.
fn begins_near(verb: &Verb, words: &[&[Item]]) -> bool {
    let typed: Vec<String> = words.iter().take(verb.words.len()).map(|word| text_of(word)).collect();
    let known = verb.words.join(" ");
    strsim::osa_distance(&typed.join(" ").to_ascii_lowercase(), &known) <= known.len() / 3
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
    let takes_ids = verb.parameters.iter().any(|it| it.kind.is_id());
    let whole = here.filter(|_| takes_ids).map_or_else(Vec::new, |here| here.ids_beside(&typed));
    if !whole.is_empty() {
        return whole.iter().map(|id| Typed::plain(id)).collect();
    }
    if text == "because" && verb.parameter("reason").is_some() {
        return vec![Typed::plain("reason:")];
    }
    let words = verb.parameters.iter().filter_map(|it| match it.kind {
        Kind::OneOf(words) | Kind::SomeOf(words) => Some(words()),
        _ => None,
    });
    let near = |known: &&str| {
        SAME.contains(&(text.as_str(), *known))
            || known.starts_with(&text) && text.len() >= 3
            || strsim::osa_distance(known, &text) <= known.len() / 4
    };
    vec![words.flatten().find(near).map_or(word.clone(), Typed::plain)]
}

/// The lines of the grammar that these words make with as few as possible of them in another place.
fn readings(verb: &'static Verb, words: &[Typed], here: Option<&Channel>) -> Vec<Invocation> {
    let ordered = words.iter().take_while(|word| !is_key(word)).count().min(MOST_ORDERED);
    let mut orders = orders(ordered);
    orders.sort_by_key(|order| moved(order));
    let mut found: Vec<(usize, Invocation)> = Vec::new();
    for order in orders {
        let moved = moved(&order);
        if found.first().is_some_and(|(fewest, _)| moved > *fewest) {
            break;
        }
        let ordered = order.iter().map(|at| words[*at].clone()).chain(words[ordered..].iter().cloned());
        let line = written(verb.family, &line_of(verb, &ordered.collect::<Vec<_>>()), here);
        let fits = |line: &Invocation| line.as_typed().chars().count() <= LONGEST_LINE;
        found.extend(line.ok().filter(fits).map(|line| (moved, line)));
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
mod tests;
