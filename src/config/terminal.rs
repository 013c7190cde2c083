//! What the environment says about a terminal. This is no setting of the bot: `.env` has no say in it.

/// How people want their terminal to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// Whether in colour (no-color.org, bixense.com/clicolors); if nothing is said, where there is a terminal.
    pub colours: Option<bool>,
    /// What shows long output page by page.
    pub pager: Option<String>,
}

impl Terminal {
    /// As the environment of this process says.
    pub fn read() -> Self {
        #[expect(clippy::disallowed_methods, reason = "only `config` does")]
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(get: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name, value: &str| get(name).is_some_and(|set| set == value);
        let says = |name| get(name).filter(|value| !value.is_empty());
        let is_dumb = is("TERM", "dumb");
        let colours = match says("CLICOLOR_FORCE") {
            _ if says("NO_COLOR").is_some() => Some(false),
            Some(forced) if forced != "0" => Some(true),
            _ if is_dumb || is("CLICOLOR", "0") => Some(false),
            _ => None,
        };
        let pager = get("PAGER").unwrap_or_else(|| "less -FRX".to_owned());
        Self { colours, pager: (!is_dumb && !["", "cat"].contains(&&*pager)).then_some(pager) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_variables_are_honoured() {
        let less = Some("less -FRX");
        for (variables, colours, pager) in [
            (&[][..], None, less),
            (&[("TERM", "xterm")], None, less),
            (&[("TERM", "dumb")], Some(false), None),
            (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], Some(true), None),
            (&[("NO_COLOR", "1")], Some(false), less),
            (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], Some(false), less),
            (&[("CLICOLOR_FORCE", "0")], None, less),
            (&[("CLICOLOR", "0"), ("PAGER", "more")], Some(false), Some("more")),
            (&[("NO_COLOR", ""), ("PAGER", "cat")], None, None),
            (&[("CLICOLOR_FORCE", ""), ("PAGER", "")], None, None),
        ] {
            let get = |name: &str| {
                variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
            };
            let pager = pager.map(str::to_owned);
            assert_eq!(Terminal::of(get), Terminal { colours, pager }, "{variables:?}");
        }
    }
}
