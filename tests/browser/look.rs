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
        if let Some(axe) = axe() {
            self.value(&format!("{axe}; 0")).await;
        }
        for width in ["wide", "narrow"] {
            if width == "wide" {
                self.is_wide().await
            } else {
                self.is_narrow().await
            }
            self.fits(&format!("{name}, {width}")).await;
            for scheme in ["light", "dark"] {
                self.is_dark(scheme == "dark").await;
                let name = format!("{name}-{width}-{scheme}");
                self.is_drawn(&name).await;
                self.has_no_barrier(&name).await;
            }
        }
        self.is_wide().await;
        self.is_dark(false).await;
    }

    /// Nothing is wider than the window.
    pub(crate) async fn fits(&self, name: &str) {
        let width = self.value("[document.documentElement.scrollWidth, innerWidth]").await;
        let wider = "[...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right > \
                     innerWidth + 1).slice(0, 5).map((it) => it.outerHTML.slice(0, 120))";
        if width[0].as_u64() > width[1].as_u64() {
            panic!("{name} scrolls sideways, {width}: {:#}", self.value(wider).await);
        }
    }

    async fn is_drawn(&self, name: &str) {
        let Some(folder) = setting(PICTURES).map(PathBuf::from) else { return };
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.picture().await).unwrap();
    }

    async fn has_no_barrier(&self, name: &str) {
        if axe().is_none() {
            return;
        }
        let options = json!({ "resultTypes": ["violations"], "elementRef": false });
        let found =
            self.value(&format!("axe.run(document, {options}).then(({{ violations }}) => violations)")).await;
        let matters = |found: &&Value| matches!(found["impact"].as_str(), Some("serious" | "critical"));
        let found: Vec<_> = found.as_array().unwrap().iter().filter(matters).map(shortly).collect();
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}

/// What axe-core found, without its advice.
fn shortly(found: &Value) -> String {
    let nodes = found["nodes"].as_array().into_iter().flatten().take(5);
    let nodes: Vec<_> = nodes.map(|node| format!("{}: {}", node["html"], node["failureSummary"])).collect();
    format!("{} ({}): {nodes:#?}", found["id"], found["help"])
}
