//! The life of an instance.
//!
//! ```text
//!                  client opens                server closes
//!   ──▶ Listening ─────────────▶ Connected ───────────────▶ Draining ──client closes──▶ gone
//!         │  │                       │                         ▲
//!         │  │ server closes,        │ client closes           │ client opens
//!         │  │ nothing buffered      ▼                         │
//!         │  └──────────▶ gone    Abandoned ──server closes──▶ gone
//!         │ server closes, data buffered                       │
//!         └───────────────────────────────────────────────▶ Lingering ──name removed──▶ gone
//!
//!   Listening, Connected, Abandoned ──server disconnects──▶ Disconnected ──server closes──▶ gone
//!   Disconnected ──server listens again──▶ Listening
//!
//!   ──▶ Joined ──last end closes, nothing buffered──▶ gone       (the one conduit of `shared`)
//! ```

/// Where an instance stands. The server is the end that created it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The server waits for a client; it may write already.
    Listening,
    /// The server has closed and left data; a client may still come for it.
    Lingering,
    /// Both ends are open.
    Connected,
    /// The server has closed; the client reads what is left, then end of file.
    Draining,
    /// The client has closed; the server reads what is left and its writes break.
    Abandoned,
    /// The server has disconnected its client and does not listen again yet.
    Disconnected,
    /// The one conduit of a shared pipe: any number of ends.
    Joined,
}

/// What happens to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    ClientOpens,
    ClientCloses,
    ServerDisconnects,
    ServerListens,
    /// `keeps`: data for a client is buffered and the name still leads here.
    ServerCloses {
        keeps: bool,
    },
    /// An end of a shared conduit closes. `keeps`: others are open, or data is buffered and the
    /// name still leads here.
    MemberCloses {
        keeps: bool,
    },
    /// The name no longer leads here.
    NameRemoved {
        /// Ends are open.
        in_use: bool,
    },
}

impl State {
    /// The state after an event; `None`: the instance is gone.
    ///
    /// # Panics
    /// If the event cannot happen in this state.
    pub(crate) fn after(self, event: Event) -> Option<Self> {
        use Event::{ClientCloses, ClientOpens, MemberCloses, NameRemoved, ServerCloses};
        use Event::{ServerDisconnects, ServerListens};
        use State::{Abandoned, Connected, Disconnected, Draining, Joined, Lingering, Listening};
        match (self, event) {
            (Listening, ClientOpens) => Some(Connected),
            (Lingering, ClientOpens) => Some(Draining),
            (Listening, ServerCloses { keeps: true }) => Some(Lingering),
            (Listening, ServerCloses { keeps: false }) => None,
            (Connected, ServerCloses { .. }) => Some(Draining),
            (Connected, ClientCloses) => Some(Abandoned),
            (Draining, ClientCloses) | (Abandoned | Disconnected, ServerCloses { .. }) => None,
            (Listening | Connected | Abandoned, ServerDisconnects) => Some(Disconnected),
            (Disconnected, ServerListens) => Some(Listening),
            (Joined, MemberCloses { keeps: true }) => Some(Joined),
            (Joined, MemberCloses { keeps: false }) => None,
            (Lingering, NameRemoved { .. }) | (Joined, NameRemoved { in_use: false }) => None,
            (state, NameRemoved { .. }) => Some(state),
            (Lingering | Draining | Joined, ServerCloses { .. })
            | (Connected | Draining | Abandoned | Disconnected | Joined, ClientOpens)
            | (Listening | Lingering | Abandoned | Disconnected | Joined, ClientCloses)
            | (Lingering | Draining | Disconnected | Joined, ServerDisconnects)
            | (Listening | Lingering | Connected | Draining | Abandoned | Joined, ServerListens)
            | (
                Listening | Lingering | Connected | Draining | Abandoned | Disconnected,
                MemberCloses { .. },
            ) => {
                unreachable!("{event:?} in state {self:?}")
            }
        }
    }

    /// Whether a client can connect.
    #[must_use]
    pub fn is_listening(self) -> bool {
        matches!(self, Self::Listening | Self::Lingering)
    }

    /// Whether it takes one of the places that `max_instances` counts. An instance whose server
    /// has gone frees its place while a client drains it (Windows does the same).
    #[must_use]
    pub(crate) fn is_counted(self) -> bool {
        !matches!(self, Self::Draining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lives_of_an_instance() {
        use Event::{ClientCloses, ClientOpens, NameRemoved, ServerCloses};
        use Event::{ServerDisconnects, ServerListens};
        let lives: [(&[Event], Option<State>); 9] = [
            (&[ServerCloses { keeps: false }], None),
            (&[ServerCloses { keeps: true }], Some(State::Lingering)),
            (&[ServerCloses { keeps: true }, NameRemoved { in_use: false }], None),
            (&[ServerCloses { keeps: true }, ClientOpens, ClientCloses], None),
            (&[ClientOpens, ServerCloses { keeps: true }, ClientCloses], None),
            (&[ClientOpens, ClientCloses, ServerCloses { keeps: false }], None),
            (&[ClientOpens, ServerDisconnects], Some(State::Disconnected)),
            (&[ClientOpens, ServerDisconnects, ServerListens, ClientOpens], Some(State::Connected)),
            (&[ServerDisconnects, ServerCloses { keeps: true }], None),
        ];
        for (events, expected) in lives {
            let end = events.iter().try_fold(State::Listening, |state, event| state.after(*event));
            assert_eq!(end, expected, "{events:?}");
        }
    }
}
