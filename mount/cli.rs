//! The command line: every argument, its help, and the two forms in which mount(8) calls.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::exit::{Exit, Failure, TABLE};

mod about;
mod mounts;
mod pipes;
mod serving;

pub use about::{Completions, Man};
use mounts::MountHelper;
pub use mounts::{Mount, Umount};
pub use pipes::{Create, Ls, Peek, Set, SettingOptions, Stat};
pub use serving::{Call, Serve, Wait};

const EXAMPLES: &str = "\
Examples:
  pipefs mount /pipes                      mount; echo hello > /pipes/x; cat /pipes/x
  pipefs mount /pipes -o allow_other       for all users
  pipefs mount /pipes -o memory=256M,capacity=4M
  pipefs mount /pipes --foreground -vv     stay in front and log to stderr
  pipefs create /pipes/jobs --mode shared --type message
  pipefs ls /pipes                         what is there, who waits, how much is buffered
  pipefs serve /pipes/upper -- tr a-z A-Z &
  pipefs call /pipes/upper hello           prints HELLO
  pipefs umount /pipes
  mount -t fuse.pipefs none /pipes         the same through mount(8); in /etc/fstab:
  none  /pipes  fuse.pipefs  allow_other,nofail  0  0";

/// Named pipes as plain files.
#[derive(Debug, Parser)]
#[command(
    name = "pipefs",
    version,
    about = "Named pipes as plain files: each file on a pipefs mount is a pipe",
    after_help = format!("{EXAMPLES}\n\n{TABLE}"),
    max_term_width = 100
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Mount a pipefs on a directory and serve it
    Mount(Mount),
    /// Unmount a pipefs
    Umount(Umount),
    /// List pipes: their state, what is buffered, who waits
    Ls(Ls),
    /// Show all about a pipe: settings, totals, instances and who holds them
    Stat(Stat),
    /// Make pipes, with settings of their own
    Create(Create),
    /// Change settings of a pipe
    Set(Set),
    /// Show what the next reader of a pipe would get, and leave it there
    Peek(Peek),
    /// Wait until a server listens on a pipe
    Wait(Wait),
    /// Send a message to a server and print what it replies
    Call(Call),
    /// Serve a pipe: run a program for each client
    Serve(Serve),
    /// Print a shell's completions of this command
    Completions(Completions),
    /// Print the manual page of this command, or of a subcommand
    Man(Man),
}

/// All that there is to say about the command line: for help, completions and manual pages.
#[must_use]
pub fn definition() -> clap::Command {
    CommandLine::command()
}

/// Reads the command line, with the program's own name first.
///
/// # Errors
/// It is wrong, or asks for help or the version: see [`answer`].
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let arguments = arguments.into_iter().collect::<Vec<_>>();
    if is_mount_helper(&arguments) {
        return MountHelper::try_parse_from(arguments).map(|helper| Command::Mount(helper.into()));
    }
    CommandLine::try_parse_from(arguments).map(|line| line.command)
}

/// Whether mount(8) is calling: by the name `mount.…`, or through mount.fuse3, which runs
/// `pipefs SOURCE DIR -o OPTIONS`. A SOURCE that is a subcommand's name is taken for that.
fn is_mount_helper(arguments: &[OsString]) -> bool {
    let name = arguments.first().and_then(|path| Path::new(path).file_name()).unwrap_or_default();
    if name.as_encoded_bytes().starts_with(b"mount.") {
        return true;
    }
    match arguments {
        [_, source, dir, option, _] => {
            let is_flag = |argument: &OsStr| argument.as_encoded_bytes().starts_with(b"-");
            option == "-o" && !is_flag(source) && !is_flag(dir) && !is_subcommand(source)
        }
        _ => false,
    }
}

fn is_subcommand(word: &OsStr) -> bool {
    word == "help" || CommandLine::command().find_subcommand(word).is_some()
}

/// Prints the help or the version if that was asked for, else turns what is wrong with the command
/// line into one line.
///
/// # Errors
/// [`Exit::Usage`] if the command line is wrong.
pub fn answer(error: &clap::Error) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has left (`| head`) is no failure.
            let _ = error.print();
            Ok(())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Err(Failure::new(
            Exit::Usage,
            "nothing to do: `pipefs mount DIR` mounts, `pipefs --help` shows the rest",
        )),
        _ => Err(Failure::new(Exit::Usage, summary(&error.render().to_string()))),
    }
}

/// What clap says in several paragraphs: what is wrong and the tips, without the usage, of which
/// only the command is told whose help to read.
fn summary(rendered: &str) -> String {
    let (said, usage) = rendered.rsplit_once("\n\nUsage: ").unwrap_or((rendered, "pipefs"));
    let is_command = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let command: Vec<_> = usage.split_whitespace().take_while(is_command).collect();
    let text = said.strip_prefix("error: ").unwrap_or(said);
    let paragraphs = text
        .split("\n\n")
        .filter(|paragraph| !paragraph.starts_with("For more information"))
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let what = paragraphs.collect::<Vec<_>>().join("; ");
    format!("{what} (see `{} --help`)", command.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<Command, clap::Error> {
        parse(line.iter().map(OsString::from))
    }

    fn refusal(line: &[&str]) -> String {
        let failure = answer(&parsed(line).unwrap_err()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(!failure.message.contains('\n'), "{failure}");
        failure.message
    }

    #[test]
    fn whose_help_to_read_is_said() {
        for (line, command) in [
            (&["pipefs", "mount"][..], "pipefs mount"),
            (&["pipefs", "mount", "--foo", "/d"], "pipefs mount"),
            (&["pipefs", "set", "p"], "pipefs set"),
            (&["pipefs", "serve", "p"], "pipefs serve"),
            (&["pipefs", "--foo"], "pipefs"),
            (&["pipefs", "mont", "/d"], "pipefs"),
        ] {
            let said = refusal(line);
            assert!(said.ends_with(&format!(" (see `{command} --help`)")), "{said}");
        }
    }

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
        MountHelper::command().debug_assert();
    }

    #[test]
    fn every_setting_is_explained() {
        let help = |command| parsed(&["pipefs", command, "--help"]).unwrap_err().to_string();
        for key in pipefs::Settings::KEYS {
            assert!(help("mount").contains(&format!("{key}=")), "{key}");
            let option = format!("--{} <VALUE> ", key.replace('_', "-"));
            let help = help("create");
            let line = help.lines().find(|line| line.contains(&option)).expect(key);
            assert!(!pipes::accepted_values(key).is_empty(), "{key}");
            assert!(line.ends_with(&pipes::accepted_values(key)), "{line}");
        }
    }

    /// docs/CLI.md has every command with its options, and every exit code.
    #[test]
    fn the_page_is_whole() {
        let page = include_str!("../docs/CLI.md");
        for command in definition().get_subcommands() {
            let name = command.get_name();
            let heading = format!("\n## pipefs {name}\n");
            let section = page.split(&heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
            let section = section.split("\n## ").next().unwrap();
            let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
            let options = shown.filter_map(clap::Arg::get_long);
            let is_setting =
                |long: &str| pipefs::Settings::KEYS.iter().any(|key| key.replace('_', "-") == long);
            for long in options.filter(|long| !is_setting(long)) {
                assert!(section.contains(&format!("`--{long}`")), "{name}: no --{long}");
            }
        }
        for line in TABLE.lines().skip(1) {
            let (code, meaning) = line.trim().split_once("  ").unwrap();
            assert!(page.contains(&format!("| {code} | {meaning}")), "{line}");
        }
    }

    #[test]
    fn pipes_have_their_commands() {
        let create = parsed(&["pipefs", "create", "a", "b", "--permissions", "0600", "-o", "x"]);
        let Ok(Command::Create(create)) = create else { panic!("{create:?}") };
        assert_eq!((create.names.len(), create.permissions), (2, Some(0o600)));
        assert_eq!((create.options, create.settings.0), (vec!["x".into()], Vec::new()));
        let create = parsed(&["pipefs", "create", "a", "--max-instances", "-1", "--mode=shared"]);
        let Ok(Command::Create(create)) = create else { panic!("{create:?}") };
        let settings = vec![("mode", "shared".into()), ("max_instances", "-1".into())];
        assert_eq!(create.settings, SettingOptions(settings));
        let set = Set { name: "a".into(), settings: vec!["b=c".into()] };
        assert_eq!(parsed(&["pipefs", "set", "a", "b=c"]).unwrap(), Command::Set(set));
        let peek = Peek { name: "a".into(), bytes: Some(4096) };
        assert_eq!(parsed(&["pipefs", "peek", "--bytes=4K", "a"]).unwrap(), Command::Peek(peek));
        let ls = Ls { dir: None, recursive: true, json: false };
        assert_eq!(parsed(&["pipefs", "ls", "-R"]).unwrap(), Command::Ls(ls));
        for incomplete in ["stat", "create", "set", "peek", "completions"] {
            assert!(parsed(&["pipefs", incomplete]).is_err(), "{incomplete}");
        }
    }

    #[test]
    fn mount_and_umount() {
        let mount = parsed(&["pipefs", "mount", "/a", "-fvv", "-o", "x,y=z", "-oq"]).unwrap();
        let expected = Mount {
            dir: "/a".into(),
            foreground: true,
            options: vec!["x,y=z".into(), "q".into()],
            verbose: 2,
            ..Mount::default()
        };
        assert_eq!(mount, Command::Mount(expected));
        let umount = parsed(&["pipefs", "umount", "-l", "--", "-a"]).unwrap();
        assert_eq!(umount, Command::Umount(Umount { dir: "-a".into(), lazy: true, id: None }));
    }

    #[test]
    fn mount_8_calls_by_name() {
        let expected = Mount {
            dir: "/a".into(),
            options: vec!["rw,nofail".into()],
            source: Some("src".into()),
            ..Mount::default()
        };
        for name in ["mount.pipefs", "/sbin/mount.pipefs", "/usr/sbin/mount.fuse.pipefs"] {
            let mount = parsed(&[name, "src", "/a", "-o", "rw,nofail"]).unwrap();
            assert_eq!(mount, Command::Mount(expected.clone()));
        }
        let all = ["mount.pipefs", "src", "/a", "-sfnv", "-o", "rw,nofail", "-t", "fuse.pipefs"];
        let expected = Mount { sloppy: true, fake: true, verbose: 1, ..expected };
        assert_eq!(parsed(&all).unwrap(), Command::Mount(expected));
        // The name of a subcommand is a source like any other here.
        assert!(parsed(&["mount.pipefs", "umount", "/a"]).is_ok());
        // But what mount.fuse3 calls like that is the subcommand.
        let create = parsed(&["pipefs", "create", "/a", "-o", "mode=shared"]);
        assert!(matches!(create, Ok(Command::Create(_))));
        assert!(refusal(&["mount.pipefs", "/a"]).contains("<DIR>"));
    }

    #[test]
    fn mount_fuse3_calls_without_a_subcommand() {
        let mount = parsed(&["/bin/pipefs", "none", "/a", "-o", "rw,dev,suid"]).unwrap();
        let expected = Mount {
            dir: "/a".into(),
            options: vec!["rw,dev,suid".into()],
            source: Some("none".into()),
            ..Mount::default()
        };
        assert_eq!(mount, Command::Mount(expected));
        let mount = parsed(&["pipefs", "mount", "/a", "-o", "rw"]).unwrap();
        assert!(matches!(mount, Command::Mount(Mount { source: None, .. })));
        for no_helper in [&["pipefs", "none", "/a"][..], &["pipefs", "-v", "/a", "-o", "rw"]] {
            assert!(parsed(no_helper).is_err(), "{no_helper:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_one_line() {
        assert!(refusal(&["pipefs", "mount"]).contains("<DIR>"));
        assert!(refusal(&["pipefs"]).contains("pipefs mount DIR"));
        assert!(refusal(&["pipefs", "moutn", "/a"]).contains("'mount'"));
        assert!(refusal(&["pipefs", "mount", "/a", "--forground"]).contains("--foreground"));
        assert!(refusal(&["pipefs", "mount", "/a", "/b\n\nc"]).contains("/b"));
        assert!(refusal(&["pipefs", "umount", "/a", "--lazy=1"]).contains("--lazy"));
    }

    #[test]
    fn help_and_version_are_no_failures() {
        for flag in ["--version", "--help"] {
            let error = parsed(&["pipefs", flag]).unwrap_err();
            assert!(!error.use_stderr(), "{flag}");
        }
        let help = parsed(&["pipefs", "--help"]).unwrap_err().to_string();
        assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
        let help = parsed(&["pipefs", "mount", "--help"]).unwrap_err().to_string();
        assert!(help.contains("memory=SIZE") && help.contains("Exit codes:"), "{help}");
    }
}
