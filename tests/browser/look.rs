//! How a page looks: for each kind of reader, nothing sticks out, and axe-core finds nothing that matters.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::setting;
use super::tab::Tab;

/// Where `axe.min.js` is. Without it, that part is left out.
const AXE: &str = "AXE";
/// Where pictures go, if anywhere.
const PICTURES: &str = "SCREENSHOTS";

/// `axe.min.js`; `None`, and said, where there is none.
fn axe() -> Option<&'static str> {
    static TEXT: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let Some(file) = setting(AXE) else {
            println!("skipped: `{AXE}` names no axe.min.js, which looks for barriers");
            return None;
        };
        Some(std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    };
    TEXT.get_or_init(read).as_deref()
}

impl Tab {
    /// The page that is shown is good for everybody: wide and narrow, light and dark. Its pictures have this name.
    pub(crate) async fn looks_good(&self, name: &str) {
        for width in ["wide", "narrow"] {
            match width {
                "wide" => self.is_wide().await,
                _ => self.is_narrow().await,
            }
            self.fits(&format!("{name}, {width}")).await;
            for scheme in ["light", "dark"] {
                self.is_dark(scheme == "dark").await;
                let name = format!("{name}-{width}-{scheme}");
                self.is_drawn(&name).await;
                let barriers = self.barriers().await.unwrap_or_default();
                assert!(barriers.is_empty(), "{name}: {barriers:#?}");
            }
        }
        self.is_wide().await;
        self.is_dark(false).await;
    }

    /// Nothing is wider than the window.
    pub(crate) async fn fits(&self, name: &str) {
        let wider = self.wider().await;
        assert!(wider.is_empty(), "{name} scrolls sideways: {wider:#?}");
    }

    /// What makes the page scroll sideways; nothing if it does not. (A phone's `innerWidth` grows with the page.)
    pub(crate) async fn wider(&self) -> Vec<Value> {
        let wider = "document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] : \
                     [...document.querySelectorAll('body, body *')].map((it) => [it.getBoundingClientRect().right, \
                     it.outerHTML.slice(0, 120)]).sort(([a], [b]) => b - a).slice(0, 5)";
        self.value(wider).await.as_array().unwrap().clone()
    }

    /// Leaves a picture of the page where they go.
    pub(crate) async fn is_drawn(&self, name: &str) {
        let Some(folder) = setting(PICTURES).map(PathBuf::from) else { return };
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.picture().await).unwrap();
    }

    /// What axe-core finds serious or critical; `None` where there is no axe-core.
    pub(crate) async fn barriers(&self) -> Option<Vec<String>> {
        let axe = axe()?;
        if self.value("window.axe === undefined").await == true {
            self.value(&format!("{axe}; 0")).await;
        }
        // What it would load is here already.
        let options = json!({ "resultTypes": ["violations"], "preload": false });
        let run = format!("axe.run(document, {options}).then(({{ violations }}) => violations)");
        let found = self.value(&run).await;
        let matters = |found: &&Value| matches!(found["impact"].as_str(), Some("serious" | "critical"));
        Some(found.as_array().unwrap().iter().filter(matters).map(shortly).collect())
    }
}

/// What axe-core found, without its advice.
fn shortly(found: &Value) -> String {
    let nodes = found["nodes"].as_array().into_iter().flatten().take(5);
    let nodes: Vec<_> = nodes.map(|node| format!("{}: {}", node["html"], node["failureSummary"])).collect();
    format!("{} ({}): {nodes:#?}", found["id"], found["help"])
}
