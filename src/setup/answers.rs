//! What `init` has to know: by flags, by what is set already, and by asking whoever sits at the terminal.

use std::io::{self, IsTerminal as _};

use super::text_of;
use crate::cli::WrongUsage;
use crate::cli::init::{Given, InitArguments};
use crate::config::env_file::EnvFile;
use crate::config::{Config, Environment, VARIABLES, Variable};
use crate::stdio;

/// A setting that is asked for.
struct Question {
    name: &'static str,
    is_secret: bool,
    /// Whether the bot cannot do without it; another one may do instead.
    need: Need,
}

#[derive(Clone, Copy)]
enum Need {
    Always,
    Unless(&'static str),
    /// Only with one of the others, and even then it may be left out.
    With([&'static str; 2]),
    /// Only where Slack reaches the bot so, and even then it may be left out.
    Over(Way),
    Never,
}

/// How Slack's commands reach the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Https,
    SocketMode,
}

/// What is known in the end.
pub(super) struct Answers {
    /// To be written, by their names.
    pub(super) settings: Vec<(&'static str, String)>,
    /// Slack's commands come, or are to come, over Socket Mode.
    pub(super) is_over_socket_mode: bool,
}

const fn ask(name: &'static str, is_secret: bool, need: Need) -> Question {
    Question { name, is_secret, need }
}

const QUESTIONS: &[Question] = &[
    ask("TENCENT_SDK_APP_ID", false, Need::Always),
    ask("TENCENT_ADMIN_USER_ID", false, Need::Always),
    ask("TENCENT_SECRET_KEY", true, Need::Always),
    ask("TENCENT_REGION", false, Need::Unless("TENCENT_API_BASE_URL")),
    ask("PUBLIC_URL", false, Need::Over(Way::Https)),
    ask("SLACK_SIGNING_SECRET", true, Need::Over(Way::Https)),
    ask("SLACK_APP_TOKEN", true, Need::Over(Way::SocketMode)),
    ask("SLACK_BOT_TOKEN", true, Need::With(["SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"])),
    ask("DISCORD_PUBLIC_KEY", false, Need::Never),
    ask("DISCORD_BOT_TOKEN", true, Need::Never),
];

impl Question {
    fn flag(&self) -> String {
        let name = self.name.to_ascii_lowercase().replace('_', "-");
        if self.is_secret { format!("--{name}-file <file>") } else { format!("--{name} <value>") }
    }

    fn variable(&self) -> Option<&'static Variable> {
        VARIABLES.iter().find(|variable| variable.name == self.name)
    }

    fn is_required(&self, environment: &Environment) -> bool {
        match self.need {
            Need::Always => true,
            Need::Unless(other) => !environment.is_set(other),
            Need::With(_) | Need::Over(_) | Need::Never => false,
        }
    }

    /// Whether it has no sense here.
    fn is_moot(&self, environment: &Environment, way: Way) -> bool {
        match self.need {
            Need::With(others) => !others.iter().any(|other| environment.is_set(other)),
            Need::Over(wanted) => way != wanted,
            Need::Unless(other) => environment.is_set(other),
            Need::Always | Need::Never => false,
        }
    }
}

/// Who is asked.
trait Terminal {
    /// Says a line.
    fn say(&mut self, line: &str);
    /// Reads a line; `None` at the end. Of a secret nothing is shown.
    fn read(&mut self, prompt: &str, is_secret: bool) -> io::Result<Option<String>>;
}

/// Everything that is to be written, with what is wrong said before anything is.
pub(super) fn all(arguments: &InitArguments, file: &EnvFile) -> anyhow::Result<Answers> {
    let mut environment = Environment::read();
    let mut settings = by_flags(arguments, file, &mut environment)?;
    if io::stdin().is_terminal() {
        let asked = by_asking(&mut Person, environment)?;
        settings.extend(asked.settings);
        return Ok(Answers { settings, ..asked });
    }
    let is_over_socket_mode = known_way(&environment) == Some(Way::SocketMode);
    let missing = QUESTIONS.iter().filter(|it| it.is_required(&environment) && !environment.is_set(it.name));
    let missing: Vec<String> = missing.map(|question| format!("\n  {}", question.flag())).collect();
    if missing.is_empty() {
        return Ok(Answers { settings, is_over_socket_mode });
    }
    let missing = missing.concat();
    Err(WrongUsage(format!(
        "settings are missing, and there is no terminal to ask for them: give these flags, or set them in the \
         environment or in .env{missing}"
    ))
    .into())
}

fn by_flags(
    arguments: &InitArguments,
    file: &EnvFile,
    environment: &mut Environment,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut answers = Vec::new();
    for (name, given) in arguments.given() {
        let value = match given {
            Given::Text(text) => text.trim().to_owned(),
            Given::File(file) => text_of(file)?,
        };
        if let Some(there) = file.get(name)
            && there != value
            && !arguments.force
        {
            return Err(WrongUsage(format!(
                "`.env` has another {name} already: leave the flag out to keep it, or overwrite it with --force"
            ))
            .into());
        }
        *environment = environment.with(name, &value);
        if let Some(wrong) = wrong_with(environment, name) {
            return Err(WrongUsage(format!("{name}: {wrong}")).into());
        }
        answers.push((name, value));
    }
    Ok(answers)
}

/// What is wrong with a setting, beside others that are missing.
fn wrong_with(environment: &Environment, name: &str) -> Option<String> {
    let error = Config::from(environment).err()?;
    let found = error.problems().find(|(variable, ..)| *variable == name).map(|(_, what, _)| what.to_owned());
    found.filter(|what| environment.is_set(name) || !what.starts_with("is not set"))
}

/// What is set says how Slack reaches the bot, if it does.
fn known_way(environment: &Environment) -> Option<Way> {
    let is_set = |name| environment.is_set(name);
    match (is_set("SLACK_APP_TOKEN"), is_set("PUBLIC_URL") || is_set("SLACK_SIGNING_SECRET")) {
        (true, _) => Some(Way::SocketMode),
        (false, true) => Some(Way::Https),
        (false, false) => None,
    }
}

fn ask_way(person: &mut impl Terminal) -> anyhow::Result<Way> {
    person.say("");
    person.say("how Slack reaches the bot: `https`, by a public address, or `socket`, by Socket Mode, which needs none");
    loop {
        let Some(typed) = person.read("https or socket (Enter for https): ", false)? else {
            anyhow::bail!("the answers end here: nothing was written");
        };
        match typed.trim() {
            "" | "https" => return Ok(Way::Https),
            "socket" => return Ok(Way::SocketMode),
            _ => person.say("Type `https` or `socket`."),
        }
    }
}

fn by_asking(person: &mut impl Terminal, mut environment: Environment) -> anyhow::Result<Answers> {
    let mut answers = Vec::new();
    let mut way = known_way(&environment);
    for question in QUESTIONS {
        let name = question.name;
        let known = match way {
            Some(way) => way,
            None if matches!(question.need, Need::Over(_)) => *way.insert(ask_way(person)?),
            None => Way::Https,
        };
        if environment.is_set(name) || question.is_moot(&environment, known) {
            continue;
        }
        let is_required = question.is_required(&environment);
        if let Some(Variable { meaning, example, .. }) = question.variable() {
            person.say("");
            person.say(meaning);
            if !question.is_secret {
                person.say(&format!("such as {example}"));
            }
        }
        let hint = match (question.is_secret, is_required) {
            (true, true) => " (not shown)",
            (true, false) => " (not shown; Enter to leave it out)",
            (false, true) => "",
            (false, false) => " (Enter to leave it out)",
        };
        loop {
            let Some(typed) = person.read(&format!("{name}{hint}: "), question.is_secret)? else {
                anyhow::bail!("the answers end here: nothing was written");
            };
            let typed = typed.trim();
            if typed.is_empty() && !is_required {
                break;
            }
            let with = environment.with(name, typed);
            match wrong_with(&with, name) {
                _ if typed.is_empty() => {
                    person.say("It is needed; Ctrl-C ends this, and nothing is written.")
                }
                Some(wrong) => person.say(&format!("{name}: {wrong}")),
                None => {
                    environment = with;
                    answers.push((name, typed.to_owned()));
                    break;
                }
            }
        }
    }
    Ok(Answers { settings: answers, is_over_socket_mode: way == Some(Way::SocketMode) })
}

/// Whoever sits at the terminal.
struct Person;

impl Terminal for Person {
    fn say(&mut self, line: &str) {
        stdio::say(line);
    }

    fn read(&mut self, prompt: &str, is_secret: bool) -> io::Result<Option<String>> {
        if is_secret {
            return match rpassword::prompt_password(prompt) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                read => read.map(Some),
            };
        }
        stdio::ask(prompt);
        let mut line = String::new();
        let length = io::stdin().read_line(&mut line)?;
        Ok((length > 0).then_some(line))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Arguments;

    /// Somebody who types these lines; what they read, secrets hidden.
    struct Typist(VecDeque<&'static str>, String);

    impl Terminal for Typist {
        fn say(&mut self, line: &str) {
            self.1 += &format!("{line}\n");
        }

        fn read(&mut self, prompt: &str, is_secret: bool) -> io::Result<Option<String>> {
            let typed = self.0.pop_front();
            self.1 += &format!("{prompt}{}\n", if is_secret { "" } else { typed.unwrap_or_default() });
            Ok(typed.map(str::to_owned))
        }
    }

    #[test]
    fn somebody_is_asked_until_everything_that_is_needed_is_right() {
        let lines = [
            "my app",
            "1400000000",
            "administrator",
            "short",
            "a-key-that-is-long-enough",
            "mars",
            "singapore",
            "tcp",
            "https",
            "http://example.com",
            "https://rooms.example.com",
            "a-signing-secret",
            "",
            "",
            "",
        ];
        let mut typist = Typist(lines.into(), String::new());
        let answers = by_asking(&mut typist, Environment::default()).unwrap();
        assert!(!answers.is_over_socket_mode);
        let names: Vec<&str> = answers.settings.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "TENCENT_SDK_APP_ID",
                "TENCENT_ADMIN_USER_ID",
                "TENCENT_SECRET_KEY",
                "TENCENT_REGION",
                "PUBLIC_URL",
                "SLACK_SIGNING_SECRET"
            ]
        );
        assert!(!typist.1.contains("long-enough"), "{}", typist.1);
        insta::assert_snapshot!(typist.1, @"

        the application's number: console.trtc.io (or console.cloud.tencent.com/trtc), Applications, SDKAppID
        such as 1400000000
        TENCENT_SDK_APP_ID: my app
        TENCENT_SDK_APP_ID: `my app` is not the number of an application
        TENCENT_SDK_APP_ID: 1400000000

        the UserID of an app admin: the Chat console of the same application, account management, type Admin
        such as administrator
        TENCENT_ADMIN_USER_ID: administrator

        the application's secret key, next to its SDKAppID in the console: whoever has it can do anything to every room
        TENCENT_SECRET_KEY (not shown): 
        TENCENT_SECRET_KEY: is shorter than 8 characters: copy the whole key from Tencent's console
        TENCENT_SECRET_KEY (not shown): 

        the data centre in which the application was made: china, singapore, usa, indonesia, korea, japan or germany
        such as singapore
        TENCENT_REGION: mars
        TENCENT_REGION: `mars` is not a region: use china, singapore, usa, indonesia, korea, japan or germany
        TENCENT_REGION: singapore

        how Slack reaches the bot: `https`, by a public address, or `socket`, by Socket Mode, which needs none
        https or socket (Enter for https): tcp
        Type `https` or `socket`.
        https or socket (Enter for https): https

        the https address, without a path, at which platforms and browsers reach the bot through that proxy; plain http for loopback only
        such as https://rooms.example.com
        PUBLIC_URL (Enter to leave it out): http://example.com
        PUBLIC_URL: `http://example.com` would send the commands in the clear: use https (plain http is for loopback addresses)
        PUBLIC_URL (Enter to leave it out): https://rooms.example.com

        the app's signing secret: api.slack.com/apps, your app, Basic Information; while it is being changed, both, separated by a comma
        SLACK_SIGNING_SECRET (not shown; Enter to leave it out): 

        the bot's own token: OAuth & Permissions, Bot User OAuth Token (xoxb-...); with the scope usergroups:read it looks up who is in the user groups that have roles, with chat:write it says what could not be answered in time and posts announcements; it opens the form, too
        SLACK_BOT_TOKEN (not shown; Enter to leave it out): 

        the application's Public Key: discord.com/developers/applications, your application, General Information; commands then come over HTTP, at `https://<your host>/discord/interactions`
        such as efeacba63a238dda5383e7229b6fc6f516621e0ed0f33fbdf22243b8100ceed3
        DISCORD_PUBLIC_KEY (Enter to leave it out): 

        the bot's token, from the application's Bot page: registers commands, takes them over the gateway, says what could not be answered in time, and posts announcements
        DISCORD_BOT_TOKEN (not shown; Enter to leave it out):
        ");
    }

    #[test]
    fn over_socket_mode_nobody_is_asked_for_an_address_or_a_signing_secret() {
        let tencent = [
            ("TENCENT_SDK_APP_ID", "1400000000"),
            ("TENCENT_ADMIN_USER_ID", "administrator"),
            ("TENCENT_SECRET_KEY", "a-key-that-is-long-enough"),
            ("TENCENT_REGION", "singapore"),
        ];
        let lines = ["socket", "xoxb-1-the-other", "xapp-1-A1-2-the-token", "", "", ""];
        let mut typist = Typist(lines.into(), String::new());
        let answers = by_asking(&mut typist, Environment::of(tencent)).unwrap();
        assert!(answers.is_over_socket_mode);
        assert_eq!(answers.settings, [("SLACK_APP_TOKEN", "xapp-1-A1-2-the-token".to_owned())]);
        assert!(typist.1.contains("an app-level one begins with `xapp-`"), "{}", typist.1);
        assert!(
            !typist.1.contains("PUBLIC_URL") && !typist.1.contains("SLACK_SIGNING_SECRET"),
            "{}",
            typist.1
        );
        // A second run asks no more.
        let with = Environment::of(tencent).with("SLACK_APP_TOKEN", "xapp-1-A1-2-the-token");
        let mut typist = Typist(["", "", ""].into(), String::new());
        assert!(by_asking(&mut typist, with).unwrap().is_over_socket_mode);
        assert!(!typist.1.contains("https or socket"), "{}", typist.1);
    }

    #[test]
    fn whoever_leaves_in_the_middle_is_told_that_nothing_was_written() {
        let mut typist = Typist(["1400000000"].into(), String::new());
        let error = by_asking(&mut typist, Environment::default()).err().unwrap();
        assert_eq!(error.to_string(), "the answers end here: nothing was written");
    }

    #[test]
    fn every_question_is_about_a_setting_and_has_a_flag() {
        let command = Arguments::command();
        let init = command.find_subcommand("init").unwrap();
        for question in QUESTIONS {
            assert!(question.variable().is_some(), "{}", question.name);
            let flag = question.flag();
            let flag = flag.trim_start_matches("--").split(' ').next().unwrap();
            assert!(init.get_opts().any(|known| known.get_long() == Some(flag)), "--{flag}");
        }
    }
}
