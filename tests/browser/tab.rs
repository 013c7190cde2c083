//! A page in a browser of its own, and what a person does with it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::chromium::{Chromium, PATIENCE};

/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A tab, alone in its browser context: it shares cookies with no other.
#[derive(Clone)]
pub(crate) struct Tab {
    chromium: &'static Chromium,
    context: String,
    session: String,
    origin: String,
    /// Addresses whose answer was no page, as the story wants it.
    refused: Arc<Mutex<HashSet<String>>>,
}

impl Tab {
    /// An empty one, as wide as a desk has it, light, in English and in UTC.
    pub(crate) async fn open(chromium: &'static Chromium, origin: &str) -> Self {
        let context = chromium.asks(None, "Target.createBrowserContext", json!({})).await;
        let context = context["browserContextId"].as_str().unwrap().to_owned();
        let target = json!({ "url": "about:blank", "browserContextId": context });
        let target = chromium.asks(None, "Target.createTarget", target).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = chromium.asks(None, "Target.attachToTarget", attach).await;
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let tab = Self { chromium, context, session, origin: origin.to_owned(), refused: Arc::default() };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.asks(&format!("{domain}.enable"), json!({})).await;
        }
        tab.is_wide().await;
        tab.is_dark(false).await;
        tab.speaks("en").await;
        tab.is_in_zone("UTC").await;
        tab
    }

    async fn asks(&self, method: &str, params: Value) -> Value {
        self.chromium.asks(Some(&self.session), method, params).await
    }

    // ------------------------------------------------------------------------------------- how the reader is set up

    /// As wide as a desk has it.
    pub(crate) async fn is_wide(&self) {
        self.is_sized(1_280, 900, false).await;
    }

    /// As narrow as a phone.
    pub(crate) async fn is_narrow(&self) {
        self.is_sized(390, 844, true).await;
    }

    /// In pixels, and whether it is a phone.
    pub(crate) async fn is_sized(&self, width: u32, height: u32, mobile: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.asks("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Whether the reader likes it dark.
    pub(crate) async fn is_dark(&self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.asks("Emulation.setEmulatedMedia", features).await;
    }

    /// The language of the browser.
    pub(crate) async fn speaks(&self, language: &str) {
        let agent = json!({ "userAgent": self.chromium.user_agent, "acceptLanguage": language });
        self.asks("Emulation.setUserAgentOverride", agent).await;
    }

    /// Where the reader is.
    pub(crate) async fn is_in_zone(&self, zone: &str) {
        self.asks("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
    }

    /// The reader runs no script; axe-core, which is one, does not run either.
    pub(crate) async fn runs_no_script(&self) {
        self.asks("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    // -------------------------------------------------------------------------------------------- what the reader does

    /// Goes to an address, or to a path of the bot's.
    pub(crate) async fn goes(&self, to: &str) {
        let url = if to.starts_with('/') { format!("{}{to}", self.origin) } else { to.to_owned() };
        let gone = self.asks("Page.navigate", json!({ "url": url })).await;
        assert_eq!(gone.get("errorText"), None, "{url}");
        self.is_loaded().await;
    }

    /// The same where the answer is no page, but says why.
    pub(crate) async fn goes_where_nothing_is(&self, to: &str) {
        self.goes(to).await;
        let here = self.value("location.href").await;
        self.refused.lock().unwrap().insert(here.as_str().unwrap().to_owned());
    }

    /// Opens a sign-in link and uses it up.
    pub(crate) async fn signs_in(&self, link: &str) {
        self.goes(link).await;
        self.presses("Sign in").await;
        self.until("document.querySelector('.bar nav') !== null").await;
        self.is_loaded().await;
    }

    /// Clicks what a selector names.
    pub(crate) async fn clicks(&self, selector: &str) {
        self.clicks_on(&format!("document.querySelector({})", json!(selector))).await;
    }

    /// Clicks the button or link that is called so, and is seen. What comes of it is waited for with [`Self::until`].
    pub(crate) async fn presses(&self, name: &str) {
        let all = "[...document.querySelectorAll('button, a, summary')]";
        let named = format!("(it.getAttribute('aria-label') ?? it.innerText).trim() === {}", json!(name));
        self.clicks_on(&format!("{all}.find((it) => it.checkVisibility() && {named})")).await;
    }

    async fn clicks_on(&self, element: &str) {
        // Not before it is where it will be.
        self.until(&format!("document.readyState === 'complete' && !!({element})")).await;
        // The middle of its first line: a link may be broken.
        let middle = format!(
            "(() => {{ const it = {element}; it.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const box = it.getClientRects()[0]; \
             return {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }}; }})()"
        );
        let middle = self.value(&middle).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let click = json!({ "type": kind, "x": middle["x"], "y": middle["y"], "button": "left", "clickCount": 1 });
            self.asks("Input.dispatchMouseEvent", click).await;
        }
    }

    /// Types into the field that a selector names.
    pub(crate) async fn types(&self, selector: &str, text: &str) {
        self.clicks(selector).await;
        self.writes(text).await;
    }

    /// Types into what has the focus.
    pub(crate) async fn writes(&self, text: &str) {
        self.asks("Input.insertText", json!({ "text": text })).await;
    }

    /// Chooses from a list.
    pub(crate) async fn chooses(&self, selector: &str, value: &str) {
        let chosen = format!("document.querySelector({}).value = {}", json!(selector), json!(value));
        self.value(&chosen).await;
    }

    /// Presses a key.
    pub(crate) async fn key(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            " " => (32, " "),
            other => panic!("{other}: no such key here"),
        };
        let stroke = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "text": text });
        self.asks("Input.dispatchKeyEvent", stroke).await;
        let stroke = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code });
        self.asks("Input.dispatchKeyEvent", stroke).await;
    }

    /// Goes on with the Tab key until something that is called so has the focus.
    pub(crate) async fn tabs_to(&self, name: &str) {
        for _ in 0..40 {
            self.key("Tab").await;
            if self.focus().await == name {
                return;
            }
        }
        panic!("no Tab leads to `{name}`");
    }

    // ------------------------------------------------------------------------------------------- what the reader sees

    /// The value of an expression in the page; `Err` while there is none.
    async fn tries(&self, expression: &str) -> Result<Value, String> {
        let evaluate = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut result = self.chromium.tries(Some(&self.session), "Runtime.evaluate", evaluate).await?;
        match result.get("exceptionDetails") {
            Some(exception) => Err(exception["exception"]["description"].to_string()),
            None => Ok(result["result"]["value"].take()),
        }
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.tries(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The text of the page, as it is seen.
    pub(crate) async fn text(&self) -> String {
        self.value("document.body.innerText").await.as_str().unwrap().to_owned()
    }

    /// Waits until an expression holds. A page that is on its way is none yet.
    pub(crate) async fn until(&self, expression: &str) {
        let holds = async {
            while self.tries(&format!("!!({expression})")).await != Ok(json!(true)) {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(PATIENCE, holds).await.is_err() {
            panic!("it never came to `{expression}`: {}", self.text().await);
        }
    }

    /// Waits until the page says something.
    pub(crate) async fn until_it_says(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    /// Waits for the page that is on its way, if one is.
    async fn is_loaded(&self) {
        self.until("document.readyState === 'complete'").await;
    }

    /// The name of what has the focus.
    pub(crate) async fn focus(&self) -> String {
        let name = "(({ activeElement: it }) => it.getAttribute('aria-label') ?? it.labels?.[0]?.innerText ?? \
                    it.innerText)(document)";
        self.value(name).await.as_str().unwrap_or_default().trim().to_owned()
    }

    /// The page as a picture, in PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let whole = json!({ "captureBeyondViewport": true });
        let picture = self.asks("Page.captureScreenshot", whole).await;
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// What went wrong in the page since it was asked for last.
    pub(crate) fn troubles(&self) -> Vec<Value> {
        let refused = self.refused.lock().unwrap();
        let mut reported = self.chromium.reported(&self.session);
        reported.retain(|event| is_trouble(event, &refused));
        reported
    }

    /// Closes it. Nothing may have gone wrong in it meanwhile.
    pub(crate) async fn closes(&self) {
        let troubles = self.troubles();
        let context = json!({ "browserContextId": self.context });
        self.chromium.asks(None, "Target.disposeBrowserContext", context).await;
        assert!(troubles.is_empty(), "the console reports {troubles:#?}");
    }
}

/// Whether an event says that something went wrong: an exception, an error of a script's, or one of the browser's own,
/// such as what the content policy forbids.
fn is_trouble(event: &Value, refused: &HashSet<String>) -> bool {
    let params = &event["params"];
    match event["method"].as_str().unwrap_or_default() {
        "Runtime.exceptionThrown" => true,
        "Runtime.consoleAPICalled" => matches!(params["type"].as_str(), Some("error" | "warning" | "assert")),
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let url = entry["url"].as_str().unwrap_or_default();
            // A browser asks for an icon by itself.
            let is_wanted = refused.contains(url) || url.ends_with("/favicon.ico");
            entry["level"] == "error" && !(entry["source"] == "network" && is_wanted)
        }
        _ => false,
    }
}
