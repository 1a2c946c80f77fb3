//! The page in a real Chromium: `make browser`, as that needs one.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Served, capture, learn};
use crate::scene::Scene;

#[test]
#[ignore = "needs Chromium: make browser"]
fn the_page_in_a_browser_draws_zooms_and_is_shared_by_its_address() {
    let scene = Scene::new();
    capture(&scene);
    let text = "[[analysis]]\nname = \"high\"\nsource = \"metrics.ndjson.zst\"\nvalue = \"data\"\nby = \"host\"\n\
                filter = \"data > 101\"\nwindow = { tumbling = \"1m\" }\naggregates = [\"count\", \"max\"]\n\
                anomalies = { method = \"three-sigma\" }\noutput = [{ file = \"high.csv\" }]\n";
    fs::write(scene.path("analysis.toml"), text).expect("is written");
    let ran = crate::analyze::analyze(&scene, &["run", "analysis.toml"]);
    assert!(ran.status.success(), "{ran:?}");
    learn(&scene);
    let flags = ["--analyses", "analysis.toml", "--models", "models"];
    let served = Served::start(&scene, &flags);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shots = root.join("target/browser");
    fs::create_dir_all(&shots).expect("is made");
    let script = Command::new("python3")
        .arg(root.join("tests/browser/serve.py"))
        .arg(format!("http://{}/", served.address))
        .arg(&shots)
        .arg(root.join("target/axe/node_modules/axe-core/axe.min.js"))
        .status();
    assert!(script.expect("python3").success(), "see above");
    served.program.stop();
}
