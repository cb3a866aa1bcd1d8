//! Rows in which the system's pipes or ours answer something else than the row says.

/// Whose answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// Wine's: it is not Windows.
    Wine,
    /// Ours, on purpose.
    Ours,
}

/// One of them, as a line of the table in docs/WIN32.md.
pub(super) struct Difference {
    pub(super) row: &'static str,
    pub(super) answers: Answers,
    /// What the case that failed said, or a part of it.
    pub(super) found: &'static str,
    pub(super) why: &'static str,
}

/// All of them, in the order of rows; Wine's first.
pub(super) const ALL: [Difference; 47] = [
    wine("A3", "257 characters", "it has no limit"),
    wine("A10", "the root cannot be listed: Some(66)", "it has no list of pipes"),
    wine("A11", "left: FileNotFound right: InvalidName", "it looks for a pipe of that name"),
    wine("B4", "most_instances: Some(256)", "it takes any number"),
    wine(
        "B10",
        "is to fail, but comes to Opened(End(1))",
        "it does not know `FILE_FLAG_FIRST_PIPE_INSTANCE`",
    ),
    wine(
        "C9",
        "Windows' error 50",
        "it says `ERROR_NOT_SUPPORTED`, and not `ERROR_INVALID_FUNCTION`",
    ),
    wine(
        "C10",
        "left: Failed(Listening) right: Done",
        "it refuses while the instance listens; that Windows does not is known from ReactOS",
    ),
    wine("E5", "it waits on", "a listen that does not wait wakes nobody"),
    wine("E6", "0 stands for 50 ms", "its default time is 0 if none is given"),
    wine(
        "E7",
        "left: Failed(Aborted) right: Failed(FileNotFound)",
        "it says `ERROR_HANDLES_CLOSED`, and not `ERROR_FILE_NOT_FOUND`",
    ),
    wine("F15", "left: Ok(()) right: Err(5)", "it does not ask for the right"),
    wine("G9", "left: 0 right: 70", "it never says how much room there is"),
    wine(
        "G16",
        "SetNoWait(End(1), true) is to fail, but comes to Done",
        "it never refuses; that Windows can is known from ReactOS",
    ),
    wine(
        "I1",
        "left: AccessDenied right: BadPipe",
        "it asks first whether the handle may read and write",
    ),
    wine("J2", "it waits on", "its flush waits for later data, too"),
    wine(
        "L3",
        "readable_bytes: 3, writable_bytes: 0, state: 3",
        "it never says how much room there is",
    ),
    wine("L4", "left: Ok((0, 1)) right: Err(5)", "it does not ask for the right"),
    wine(
        "L5",
        "Process(End(1), Server) is to fail",
        "it tells a disconnected client the process of its server",
    ),
    wine("L6", "information: 1", "it does not have this information of a pipe"),
    wine(
        "M1",
        "before it came left: Ok(()) right: Err(1368)",
        "it takes somebody for a client who has not come",
    ),
    wine(
        "M2",
        "left: Err(50) right: Err(1)",
        "it says `ERROR_NOT_SUPPORTED`, and not `ERROR_INVALID_FUNCTION`",
    ),
    wine("N9", "the write does not wait for the read", "its handles do several things at a time"),
    ours(
        "A1",
        r#"Open("pIPE", Read) comes to Failed(FileNotFound)"#,
        "names are those of files, and case matters",
    ),
    ours("A4", "comes to Failed(InvalidParameter)", "a name is one part of a path, and has no `/`"),
    ours(
        "A11",
        "left: FileNotFound right: InvalidName",
        "a backslash is a character as any other; below a pipe's path: `ENOTDIR`",
    ),
    ours("A12", "left: PipeBusy right: FileNotFound", "a name stays until it is removed"),
    ours("B4", "most_instances: Some(255)", "255 is a number; any number is `unlimited`"),
    ours(
        "B7",
        "is to fail, but comes to Opened(End(1))",
        "what suits the other side is a client's open",
    ),
    ours("B10", "left: AlreadyExists right: AccessDenied", "`O_EXCL` says `EEXIST`"),
    ours("B11", "left: AlreadyExists right: PipeBusy", "`O_EXCL` comes first"),
    ours("B13", r#"Create("of 0""#, "the least capacity is 1 byte"),
    ours(
        "D4",
        r#"Open("out", Write) is to fail, but comes to Opened(End(1))"#,
        "what suits the other side is a server's open",
    ),
    ours(
        "D5",
        r#"Open("pipe", Nothing) comes to Failed(InvalidParameter)"#,
        "an end reads, or writes, or both",
    ),
    ours("D6", "left: Message right: Byte", "a client reads as the type says"),
    ours("E7", "it waits on", "the name stays, and may get an instance"),
    ours(
        "G4",
        "is to wait, but comes to Written(2100)",
        "a write is taken as a whole while the lane holds less than its capacity",
    ),
    ours(
        "G5",
        r#"left: ("", 4, 0) right: ("", 9, 0)"#,
        "nothing of a write is there before all of it is",
    ),
    ours(
        "G7",
        "capacity_bytes: 0 }) comes to Failed(InvalidParameter)",
        "the least capacity is 1 byte",
    ),
    ours("G9", "left: 100 right: 70", "room is what is not buffered"),
    ours(
        "G16",
        "SetNoWait(End(1), true) is to fail, but comes to Done",
        "it counts from the next call on",
    ),
    ours(
        "H3",
        r#"left: ("onet", 6, 0) right: ("onet", 6, 4294967292)"#,
        "bytes are no message, of which something could be left",
    ),
    ours("I5", "left: Some(Written(7)) right: None", "a request takes along what waits before it"),
    ours("J4", "is to wait, but comes to Written(8)", "the write does not wait, as in G4"),
    ours(
        "K5",
        "left: BrokenPipe right: NotConnected",
        "the client is told once, and then finds the end of file",
    ),
    ours(
        "K6",
        "right: [Failed(NotConnected), Failed(NotConnected)]",
        "the client's write finds nobody any more",
    ),
    ours("K8", "Read(End(0), 9) waits", "a server may write ahead, and its reads wait"),
    ours("L5", "Info(End(1)) is to fail", "INFO says that it is disconnected"),
];

const fn wine(row: &'static str, found: &'static str, why: &'static str) -> Difference {
    Difference { row, answers: Answers::Wine, found, why }
}

const fn ours(row: &'static str, found: &'static str, why: &'static str) -> Difference {
    Difference { row, answers: Answers::Ours, found, why }
}

impl Difference {
    /// Its line in the table.
    pub(super) fn markdown(&self) -> String {
        let Self { row, answers, found, why } = self;
        let whose = match answers {
            Answers::Wine => "Wine",
            Answers::Ours => "pipefs",
        };
        format!("| {row} | {whose} | `{found}` | {why} |")
    }
}

/// What is known of the answer to a row.
pub(super) fn known(row: &str, answers: Answers) -> Option<&'static Difference> {
    ALL.iter().find(|difference| (difference.row, difference.answers) == (row, answers))
}
