//! docs/pipefs.h: it compiles wherever C or C++ does, and says what the driver understands.

use std::fs;

use pipefs_mount::functions::wire;

use crate::BUILD_DEADLINE;
use crate::harness::{command, watchdog};
use crate::script::{needs, source, succeeds};

/// What the header says, as an expression of C, and what it has to be.
fn equal() -> Vec<(&'static str, u32)> {
    let size = |bytes: usize| u32::try_from(bytes).expect("a structure is small");
    vec![
        ("PIPEFS_FOREVER", wire::FOREVER),
        ("PIPEFS_CONNECT", wire::CONNECT),
        ("PIPEFS_DISCONNECT", wire::DISCONNECT),
        ("PIPEFS_PEEK(24)", wire::peek(24)),
        ("PIPEFS_PEEK(PIPEFS_SIZE_MAX)", wire::peek((1 << 14) - 1)),
        ("PIPEFS_TRANSACT(16)", wire::transact(16)),
        ("PIPEFS_TRANSACT(PIPEFS_SIZE_MAX)", wire::transact((1 << 14) - 1)),
        ("PIPEFS_INFO", wire::INFO),
        ("PIPEFS_GET_STATE", wire::GET_STATE),
        ("PIPEFS_SET_STATE", wire::SET_STATE),
        ("PIPEFS_PEER", wire::PEER),
        ("PIPEFS_SEND_EMPTY", wire::SEND_EMPTY),
        ("PIPEFS_WAIT", wire::WAIT),
        ("sizeof(struct pipefs_peek)", size(wire::PEEK_BYTES)),
        ("offsetof(struct pipefs_peek, data)", size(wire::PEEK_BYTES)),
        ("sizeof(struct pipefs_transact)", size(wire::TRANSACT_BYTES)),
        ("offsetof(struct pipefs_transact, data)", size(wire::TRANSACT_BYTES)),
        ("sizeof(struct pipefs_info)", size(wire::INFO_BYTES)),
        ("sizeof(struct pipefs_handle_state)", size(wire::STATE_BYTES)),
        ("sizeof(struct pipefs_peer)", size(wire::PEER_BYTES)),
        ("sizeof(struct pipefs_wait)", size(wire::WAIT_BYTES)),
    ]
}

/// SEMANTICS: ioctl-numbers
#[test]
fn the_header_says_what_the_driver_understands() {
    let mut program = String::from("#include <stddef.h>\n#include \"pipefs.h\"\n");
    for (index, (expression, value)) in equal().into_iter().enumerate() {
        // An array of a negative size is an error, in every edition of both languages.
        program += &format!("typedef char same_{index}[({expression}) == {value}u ? 1 : -1];\n");
    }
    let directory = watchdog::new_directory();
    let compilers: [(&str, &str, &[&str]); 3] = [
        ("cc", "program.c", &["-std=c99"]),
        ("cc", "program.c", &["-std=c17"]),
        ("c++", "program.cc", &["-std=c++11"]),
    ];
    for (compiler, file, edition) in compilers {
        needs(compiler);
        fs::write(directory.join(file), &program).expect("the program can be written");
        let mut compile = command(compiler);
        compile.args(edition).args(["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
        compile.arg("-I").arg(source("../docs")).arg(directory.join(file));
        succeeds(&mut compile, BUILD_DEADLINE);
    }
    fs::remove_dir_all(directory).expect("the program can be removed");
}
