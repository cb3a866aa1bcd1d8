//! Help, manual pages and completions, none of which needs a mount.

use std::time::Duration;

use crate::harness::{command, run, sh};
use crate::{Ran, SOON, pipefs_does};

/// The subcommands that `--help` lists.
fn subcommands() -> Vec<String> {
    let help = pipefs_does(&["--help"]).text();
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let words = list.lines().filter_map(|line| line.split_whitespace().next());
    words.filter(|word| *word != "help").map(str::to_owned).collect()
}

/// SEMANTICS: command-errors
#[test]
fn each_command_has_help_with_an_example() {
    let help = pipefs_does(&["--help"]).text();
    for code in 0..=9 {
        assert!(help.contains(&format!("\n  {code}  ")), "{help}");
    }
    let commands = subcommands();
    assert!(commands.len() >= 12, "{commands:?}");
    for name in commands {
        for help in [pipefs_does(&[&*name, "--help"]).text(), pipefs_does(&["help", &name]).text()]
        {
            assert!(help.contains(&format!("Usage: pipefs {name} ")), "{help}");
            let example = help.split("Example").nth(1).unwrap_or_else(|| panic!("{help}"));
            assert!(example.contains(&format!("\n  pipefs {name}")), "{help}");
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        }
    }
}

/// Each shell takes its script, if it is here.
#[test]
fn completions_are_made_for_each_shell() {
    let shells =
        [("bash", true), ("zsh", true), ("fish", true), ("elvish", false), ("powershell", false)];
    for (shell, check) in shells {
        let script = pipefs_does(&["completions", shell]).text();
        for word in ["create", "--max-instances", "--recursive"] {
            let known = script.contains(word) || script.contains(word.trim_start_matches('-'));
            assert!(known, "{shell}: no {word}");
        }
        let there = run(&mut sh("command -v \"$1\"", &[shell]), SOON).status.success();
        if check && there {
            let mut parse = command(shell);
            let output = run(parse.args(["-n", "-c", &script]), SOON);
            assert!(output.status.success(), "{shell}: {output:?}");
        }
    }
    let said = pipefs_does(&["completions", "tcsh"]).refusal(2);
    assert!(said.contains("possible values: bash"), "{said}");
}

/// Bash itself completes with it.
#[test]
fn bash_completes() {
    let script = r#"
        eval "$("$0" completions bash)"
        complete_line() {
            COMP_WORDS=(pipefs "$@") COMP_CWORD=$#
            _pipefs pipefs "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            echo "${COMPREPLY[@]}"
        }
        complete_line cre
        complete_line create --max
    "#;
    let mut bash = command("bash");
    let output = run(bash.args(["-c", script, env!("CARGO_BIN_EXE_pipefs")]), SOON);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, "create\n--max-instances\n", "{output:?}");
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let page = pipefs_does(&["man"]).text();
    assert!(page.contains(".TH PIPEFS 1"), "{page}");
    for name in subcommands() {
        assert!(page.contains(&format!("pipefs\\-{name}(1)")), "{name} in {page}");
        let page = pipefs_does(&["man", &name]).text();
        assert!(page.contains(&format!(".TH PIPEFS-{} 1", name.to_uppercase())), "{page}");
        assert!(page.contains("Example"), "{page}");
    }
    let said = pipefs_does(&["man", "moutn"]).refusal(2);
    assert!(said.contains("there are: mount, umount"), "{said}");
}

/// SEMANTICS: command-errors
///
/// A reader that leaves is no failure; a disk that is full is one.
#[test]
fn output_that_goes_nowhere() {
    let binary = env!("CARGO_BIN_EXE_pipefs");
    for what in ["man", "completions zsh", "--help", "create --help"] {
        let script =
            format!(r#"("{binary}" {what}; echo "$?" >&2) | true; "{binary}" {what} | head -n 1"#);
        let mut bash = command("bash");
        let ran = Ran::from(run(bash.args(["-c", &script]), Duration::from_secs(60)));
        assert_eq!((ran.code, &*ran.said), (Some(0), "0\n"), "{what}");
        assert!(!ran.printed.is_empty());
    }
    for what in ["man", "completions bash"] {
        let script = format!(r#"exec "{binary}" {what} > /dev/full"#);
        let said = Ran::from(run(&mut sh(&script, &[""; 0]), SOON)).refusal(1);
        assert!(said.contains("standard output"), "{said}");
    }
}
