//! The line that moves, on a terminal.

use std::io::Read;

use crate::archiver::Archiver;
use crate::log::terminal;
use crate::replay::{FIRST, table, write};
use crate::scene::Scene;

#[test]
fn what_is_logged_stands_above_the_line_that_moves() {
    let scene = Scene::new();
    write(&scene, "data.csv", &table((0..300).map(|row| FIRST + row)));
    let topic = scene.topic("replay-bar", 1);
    let (mut keyboard, screen) = terminal();
    let (server, name) = (scene.server.bootstrap(), &topic.name);
    let args = [
        "replay",
        "data.csv",
        "-b",
        &server,
        "-t",
        name,
        "--rate",
        "100",
        "-vv",
        "-X",
        "debug=msg",
    ];
    let replay = Archiver::start_unheard(scene.directory(), &args, screen.into());
    let mut shown = Vec::new();
    // A terminal that nobody has any more is an error.
    let _ = keyboard.read_to_end(&mut shown);
    assert_eq!(replay.await_end().code(), Some(0));
    let shown = String::from_utf8(shown).expect("UTF-8");
    let is_bar = |line: &str| line.contains(" left") && line.contains("/s");
    assert!(is_bar(&shown), "{shown}");
    let lines = left_on_screen(&shown);
    let (logged, others): (Vec<_>, _) = lines.iter().partition(|line| line.contains("DEBUG"));
    assert!(logged.len() > 10, "{shown}");
    let clean = |line: &&String| !is_bar(line);
    assert!(logged.iter().chain(&others).all(clean), "{lines:#?}");
}

/// The lines of a terminal on which only whole lines are cleared.
fn left_on_screen(shown: &str) -> Vec<String> {
    let lines = shown.split('\n');
    let cleared = lines.map(|line| line.rsplit("\x1b[2K").next().unwrap_or_default().to_owned());
    cleared.collect()
}
