//! The commands about pipes, on a real mount: what they print for people, on a terminal and off it,
//! what they print for programs, and how they fail.
//!
//! | module | what it shows |
//! |---|---|
//! | [`ls`] | start here: `pipefs ls` |
//! | [`which`] | which directory `ls` takes when none is named |
//! | [`names`] | names that would steer a terminal, or are no text |
//! | [`stat`] | `pipefs stat` |
//! | [`create`] | `pipefs create` |
//! | [`set`] | `pipefs set` |
//! | [`peek`] | `pipefs peek` |
//! | [`wait`] | `pipefs wait` |
//! | [`call`] | `pipefs call` |
//! | [`serve`] | `pipefs serve` |
//! | [`serve_ends`] | how it ends, and what is killed around it |
//! | [`refused`] | values that no setting takes, by every way there is |
//! | [`about`] | help, manual pages, completions |

use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

#[path = "../harness/mod.rs"]
mod harness;

mod about;
mod call;
mod create;
mod ls;
mod names;
mod peek;
mod refused;
mod serve;
mod serve_ends;
mod set;
mod stat;
mod wait;
mod which;

use harness::calls::attribute;
use harness::{command, pipefs, run};

/// Time for what happens at once, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(20);

/// What came of a command.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    printed: Vec<u8>,
    said: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{said}");
        Self { code: output.status.code(), printed: output.stdout, said }
    }
}

impl Ran {
    /// What a command that succeeded without a word has printed.
    #[track_caller]
    fn text(self) -> String {
        assert_eq!((self.code, &*self.said), (Some(0), ""), "{self:?}");
        String::from_utf8(self.printed).expect("people get text")
    }

    /// The same as JSON.
    #[track_caller]
    fn json(self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The one line that a command said when it failed with this code, having printed nothing.
    #[track_caller]
    fn refusal(self, code: i32) -> String {
        assert_eq!((self.code, &*self.printed), (Some(code), &b""[..]), "{self:?}");
        assert!(self.said.starts_with("pipefs: ") && self.said.ends_with('\n'), "{}", self.said);
        assert_eq!(self.said.lines().count(), 1, "one line: {}", self.said);
        self.said
    }
}

/// What the state of a pipe says, or, at the mount's root, that of the mount.
#[track_caller]
fn state(path: impl AsRef<Path>) -> Value {
    let state = attribute(path, "user.pipefs.state").expect("it has one");
    serde_json::from_slice(&state).expect("it is JSON")
}

/// Runs the command with its output in files.
#[track_caller]
fn pipefs_does<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    run(pipefs().args(arguments), SOON).into()
}

/// Runs a command on a path.
#[track_caller]
fn does(subcommand: &str, path: impl AsRef<Path>, more: &[&str]) -> Ran {
    run(pipefs().arg(subcommand).arg(path.as_ref()).args(more), SOON).into()
}

/// Runs the command on a terminal; what it prints there, with both of its outputs in one.
#[track_caller]
fn on_terminal(arguments: &[&str]) -> String {
    let quoted: Vec<String> = [env!("CARGO_BIN_EXE_pipefs")]
        .iter()
        .chain(arguments)
        .map(|word| {
            assert!(!word.contains('\''), "the shell would not understand {word}");
            format!("'{word}'")
        })
        .collect();
    let mut script = command("script");
    script.args(["-qec", &quoted.join(" "), "/dev/null"]);
    let output = run(&mut script, SOON);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("a terminal gets text").replace("\r\n", "\n")
}
