//! Tencent: whether it takes the bot's signature, whether its clock agrees, and where its callbacks go.

use jiff::SignedDuration;
use reqwest::Url;

use super::within;
use crate::app::ports::{Clock, ReadError, RoomControl as _};
use crate::domain::audit::Refusal;
use crate::domain::check::{Check, State};
use crate::redact::Redactor;
use crate::tencent::callbacks::{CHANGE_OF_OWNER, Configuration, Configurator, PATH, is_taken_at};
use crate::tencent::{Settings, TencentClient, address_setting};

const NAME: &str = "tencent";
const CLOCK: &str = "clock";
const CALLBACKS: &str = "callbacks";

/// A room that is not there: asking for it changes nothing, and is answered to whoever signs well.
const NO_ROOM: &str = "room-owner-doctor";

/// How far the clocks may be apart. A `Date` has no parts of a second, and the way takes its time.
const CLOSE: SignedDuration = SignedDuration::from_secs(10);
const FAR: SignedDuration = SignedDuration::from_secs(60);

pub(super) async fn checks<C: Clock + Clone>(
    settings: Option<&Settings>,
    public_url: Option<&Url>,
    clock: C,
    redactor: &Redactor,
) -> Vec<Check> {
    let Some(settings) = settings else {
        return vec![Check::skipped(NAME, "its settings are missing, or cannot be used")];
    };
    let account = async {
        let account = account(settings, clock.clone(), redactor).await;
        let is_good = account.state == State::Ok;
        let callbacks = match is_good {
            true => callbacks(settings, public_url, clock.clone(), redactor).await,
            false => Check::skipped(CALLBACKS, "Tencent has to take the bot's calls first"),
        };
        vec![account, callbacks]
    };
    let time = async { vec![time(settings, clock.clone(), redactor).await] };
    let address = (&settings.base_url, address_setting(&settings.base_url));
    let (account, time) =
        tokio::join!(within(&[NAME, CALLBACKS], address, account), within(&[CLOCK], address, time));
    [account, time].concat()
}

/// The same without the callbacks.
pub(super) async fn at_start<C: Clock + Clone>(
    settings: &Settings,
    clock: C,
    redactor: &Redactor,
) -> Vec<Check> {
    let account = async { vec![account(settings, clock.clone(), redactor).await] };
    let time = async { vec![time(settings, clock.clone(), redactor).await] };
    let address = (&settings.base_url, address_setting(&settings.base_url));
    let (account, time) = tokio::join!(within(&[NAME], address, account), within(&[CLOCK], address, time));
    [account, time].concat()
}

async fn account<C: Clock>(settings: &Settings, clock: C, redactor: &Redactor) -> Check {
    let host = settings.base_url.host_str().unwrap_or_default();
    let client = match TencentClient::new(settings.clone(), clock, redactor.clone()) {
        Ok(client) => client,
        Err(error) => return Check::failure(NAME, error.to_string(), "see the message"),
    };
    let Ok(room) = NO_ROOM.parse() else { return Check::skipped(NAME, "no room can be asked for") };
    match client.owner_of(&room).await {
        Ok(_) | Err(ReadError::NoRoom(_)) => {
            let Settings { sdk_app_id, admin_user_id, .. } = settings;
            Check::ok(NAME, format!("{host} takes calls of `{admin_user_id}` for {sdk_app_id}"))
        }
        Err(ReadError::Refused(refusal)) => {
            let Refusal { code, info, request_id, remedy } = refusal;
            let code = code.map(|code| format!("{code} ")).unwrap_or_default();
            let id = request_id.map(|id| format!(" (RequestId {id})")).unwrap_or_default();
            Check::failure(NAME, format!("{host} refuses calls: {code}{info}{id}"), remedy)
        }
        Err(ReadError::Unreadable(refusal)) => {
            Check::failure(NAME, format!("{host}: {}", refusal.info), refusal.remedy)
        }
    }
}

async fn time<C: Clock + Clone>(settings: &Settings, clock: C, redactor: &Redactor) -> Check {
    let client = match TencentClient::new(settings.clone(), clock.clone(), redactor.clone()) {
        Ok(client) => client,
        Err(error) => return Check::skipped(CLOCK, error.to_string()),
    };
    let asked = clock.now();
    match client.date().await {
        Ok(theirs) if theirs < asked => compared(asked.duration_since(theirs), "ahead of"),
        // What the way took is no difference.
        Ok(theirs) => compared(theirs.duration_since(clock.now()), "behind"),
        Err(error) => Check::skipped(CLOCK, format!("Tencent does not say what time it is: {error}")),
    }
}

fn compared(apart: SignedDuration, how: &str) -> Check {
    let detail = format!("this machine's is {} s {how} Tencent's", apart.as_secs());
    let remedy = "set it, and have it kept: `timedatectl set-ntp true`";
    match apart {
        _ if apart <= CLOSE => Check::ok(CLOCK, "this machine's agrees with Tencent's"),
        _ if apart <= FAR => Check::warning(CLOCK, detail, remedy),
        _ => Check::failure(CLOCK, format!("{detail}, so that signatures are refused"), remedy),
    }
}

async fn callbacks<C: Clock>(
    settings: &Settings,
    public_url: Option<&Url>,
    clock: C,
    redactor: &Redactor,
) -> Check {
    let present = async {
        let client = TencentClient::new(settings.clone(), clock, redactor.clone())?;
        anyhow::Ok(Configurator::new(client).present().await?)
    };
    match present.await {
        Ok(present) => configured(&present, settings, public_url),
        Err(error) => {
            Check::warning(CALLBACKS, error.to_string(), "`room-owner tencent callbacks show` asks again")
        }
    }
}

fn configured(present: &Configuration, settings: &Settings, public_url: Option<&Url>) -> Check {
    let ours = public_url.and_then(|url| url.join(PATH).ok());
    let wanted = ours.as_ref().map_or_else(|| format!("<PUBLIC_URL>{PATH}"), Url::to_string);
    let set = |more: &str| format!("`room-owner tencent callbacks set {wanted}{more}`");
    let Some(url) = &present.url else {
        let detail = "Tencent sends none: changes that are not made through the bot are not recorded";
        return match ours {
            Some(_) => Check::warning(CALLBACKS, detail, set("")),
            None => Check::skipped(CALLBACKS, format!("{detail}. They need PUBLIC_URL")),
        };
    };
    let is_ours = match &ours {
        Some(ours) => ours.as_str() == url.trim_end_matches('/'),
        // By its path, where it is not known what comes before it.
        None => url.parse().is_ok_and(|url| is_taken_at(&url)),
    };
    if !is_ours {
        return Check::warning(CALLBACKS, format!("they go to `{url}`"), set(" --replace"));
    }
    if !present.commands.iter().any(|command| command == CHANGE_OF_OWNER) {
        return Check::warning(CALLBACKS, format!("{CHANGE_OF_OWNER} is not among them"), set(""));
    }
    let token = settings.callback_token.as_ref();
    match (present.is_signed, token, token.and_then(|token| present.is_signed_with(token))) {
        (Some(true), None, _) => Check::warning(
            CALLBACKS,
            "they are signed, and TENCENT_CALLBACK_TOKEN is not set",
            "set it to the token that Tencent signs with",
        ),
        (_, Some(_), Some(false)) => Check::warning(
            CALLBACKS,
            "they are not signed with TENCENT_CALLBACK_TOKEN, so that the bot refuses them",
            set(""),
        ),
        (Some(false) | None, None, _) => Check::warning(
            CALLBACKS,
            "they are not signed: each one has to be read back before it counts",
            format!("set TENCENT_CALLBACK_TOKEN, then {}", set("")),
        ),
        _ => Check::ok(CALLBACKS, format!("signed, to `{url}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Usable};

    #[test]
    fn callbacks_are_asked_of_nobody_who_has_no_address_for_them() {
        let environment = Environment::of([
            ("TENCENT_SDK_APP_ID", "1400000000"),
            ("TENCENT_ADMIN_USER_ID", "administrator"),
            ("TENCENT_SECRET_KEY", "a-key-that-opens-nothing"),
            ("TENCENT_REGION", "singapore"),
        ]);
        let settings = Usable::from(&environment).tencent.unwrap();
        let url = "https://rooms.example.com".parse().unwrap();
        for (url, state, says) in [
            (None, "skipped", "They need PUBLIC_URL"),
            (Some(&url), "warning", "set https://rooms.example.com/tencent/callbacks"),
        ] {
            let check = configured(&Configuration::default(), &settings, url);
            assert_eq!(check.state.name(), state);
            let said = format!("{} {}", check.detail, check.remedy.unwrap_or_default());
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_said_by_how_far() {
        for (seconds, state, says) in [
            (0, "ok", "agrees"),
            (10, "ok", "agrees"),
            (11, "warning", "11 s ahead of"),
            (60, "warning", "60 s ahead of"),
            (3_600, "failure", "3600 s ahead of Tencent's, so that signatures are refused"),
        ] {
            let check = compared(SignedDuration::from_secs(seconds), "ahead of");
            assert_eq!(check.state.name(), state, "{seconds}");
            assert!(check.detail.contains(says), "{}", check.detail);
        }
    }
}
