//! What the documents list is what the program has: exit codes, outcomes, fields, routes, chat commands.

use clap::CommandFactory as _;
use quote::ToTokens as _;
use room_owner::cli::{Arguments, Exit};
use room_owner::domain::audit::{Announced, AuditEntry, Event, OperationId, OutcomeKind, SystemChange, What};
use room_owner::domain::command::{Command, Mention, Typed, Verb, parse};
use room_owner::domain::wording::CommandName;
use syn::visit::Visit;

use super::markdown::{all_text, blocks, by_hand, code, first_column, table};
use super::read;

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let meaning = |exit: Exit| match exit {
        Exit::Done => "done",
        Exit::Failed => "it went wrong",
        Exit::Usage => "wrong usage",
        Exit::Denied => "refused by the ACL",
        Exit::Refused => "refused by Tencent",
        Exit::Unknown => "outcome unknown",
    };
    let all = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Denied, Exit::Refused, Exit::Unknown];
    let known: Vec<Vec<String>> =
        all.iter().map(|exit| vec![(*exit as u8).to_string(), meaning(*exit).to_owned()]).collect();
    assert_eq!(table(&read("docs/command-line.md"), "Exit code"), known);
    let help =
        Arguments::command().render_help().to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    for row in known {
        assert!(help.contains(&row.join(" ")), "{row:?} is not in {help}");
    }
}

#[test]
fn the_outcomes_are_those_of_the_log() {
    let known: Vec<&str> = OutcomeKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(first_column(&read("docs/audit-log.md"), "Outcome"), known);
}

#[test]
fn the_fields_of_an_entry_are_those_that_are_printed() {
    let operation = OperationId::new(1);
    let what = What::System(SystemChange::FileReplaced);
    let at = jiff::Timestamp::UNIX_EPOCH;
    let mut entry = AuditEntry::begun_by(&Event::new(1, operation, at, what)).unwrap();
    let (channel, message) = ("discord:1:2".parse().unwrap(), Some("3".to_owned()));
    let announced = What::Announced(Announced { channel, event: 1, message, problem: None, to: None });
    entry.follow(&Event::new(2, operation, at, announced));
    entry.new_owner_person = Some("discord:1:2".parse().unwrap());
    entry.requested_by = Some("cli:ana".parse().unwrap());
    entry.requested_by_name = Some("ana".to_owned());
    let json = serde_json::to_string(&entry).unwrap();
    // All values are null, empty or free of `":`, so what stands before it are the names.
    let known: Vec<&str> =
        json.match_indices("\":").map(|(end, _)| json[..end].rsplit('"').next().unwrap()).collect();
    assert_eq!(known.len(), 22, "{json}");
    assert_eq!(first_column(&read("docs/audit-log.md"), "Field"), known);
}

/// The routes that a file serves.
struct Routes(Vec<String>);

impl<'a> Visit<'a> for Routes {
    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        // The first of a chain stands innermost.
        syn::visit::visit_expr_method_call(self, call);
        if call.method == "route" {
            let path: syn::LitStr = syn::parse2(call.args[0].to_token_stream()).unwrap();
            let syn::Expr::Call(handler) = &call.args[1] else { panic!("what is a route's handler?") };
            let method = handler.func.to_token_stream().to_string().to_uppercase();
            self.0.push(format!("{method} {}", path.value().trim_end_matches('/')));
        }
    }
}

#[test]
fn every_route_is_in_the_table_and_the_proxy_passes_what_platforms_call() {
    let text = read("docs/operations.md");
    let mut served = Routes(Vec::new());
    for file in ["src/slack/mod.rs", "src/discord/mod.rs", "src/tencent/callbacks/mod.rs", "src/server.rs"] {
        served.visit_file(&syn::parse_file(&read(file)).unwrap());
    }
    let Routes(mut served) = served;
    served.dedup();
    assert_eq!(first_column(&text, "Route"), served);
    let rule = text.split("let the proxy pass").nth(1).unwrap().split("nothing else").next().unwrap();
    for route in served.iter().filter_map(|route| route.strip_prefix("POST /")) {
        let folder = route.split('/').next().unwrap();
        assert!(rule.contains(&format!("`/{folder}/`")), "the proxy does not pass /{route}: {rule}");
    }
}

#[test]
fn the_chat_commands_are_of_the_grammar() {
    let text = all_text();
    // Those in a sentence too, unless a placeholder stands in them.
    let in_sentences = code(&by_hand(&text))
        .into_iter()
        .filter(|it| it.starts_with("/room-") && it.contains(' ') && !it.contains('<'));
    let lines = blocks(&text, "chat").concat() + &in_sentences.collect::<Vec<_>>().join("\n");
    assert!(lines.lines().count() > 35);
    for line in lines.lines() {
        let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let family = CommandName::slash("").family(name).unwrap_or_else(|| panic!("{line}"));
        let command = parse(family, &with_mentions(arguments));
        let words: Vec<&str> = arguments.split(' ').collect();
        if command.is_err() && Verb::with_words(family, &words).is_some() {
            // A verb is spoken of that takes something.
            continue;
        }
        assert!(command.is_ok(), "{line}: {command:?}");
        let asks_for_help = line == "/room-owner" || arguments == "help";
        assert_eq!(matches!(command, Ok(Command::Help(_))), asks_for_help, "{line}");
    }
}

/// A line in which `@boris` and `#mods` are mentions, as the platforms make them.
fn with_mentions(text: &str) -> Typed {
    let mut line = Typed::default();
    for word in text.split_inclusive(' ') {
        let shown = word.trim_end();
        let mention = match shown.chars().next() {
            Some('@') => Mention::Subject("slack:T0123456789:U0123456789".parse().unwrap()),
            Some('#') => Mention::Channel("slack:T0123456789:C0123456789".parse().unwrap()),
            _ => {
                line.push_text(word);
                continue;
            }
        };
        line.push_mention(mention, shown);
        line.push_text(&word[shown.len()..]);
    }
    line
}
