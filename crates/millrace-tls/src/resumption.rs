//! How sessions are resumed, and which of them outlive a change of the settings.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;

use crate::session_end::Life;
use crate::sessions::Sessions;
use crate::settings::{ClientAuth, Settings, Version};
use crate::suites::Suites;
use crate::tickets::Tickets;
use crate::{Error, ErrorKind};

/// Seven days, RFC 8446 section 4.6.1.
const LONGEST_LIFETIME_S: u32 = 604_800;

/// Tickets after a handshake of TLS 1.3. Clients use each once, and browsers open a second connection before the first
/// has brought another ticket; more than two Chrome does not keep. Each costs 3.5 µs, where the rest of a
/// handshake takes 75.
const TICKETS: usize = 2;

#[derive(Debug)]
pub(crate) struct Resumption {
    way: Way,
    early_data_bytes: u32,
    /// What clients had to do to get in when the session began.
    client_fingerprint: [u8; 32],
}

#[derive(Debug)]
enum Way {
    Off,
    Tickets(Arc<Tickets>),
    Sessions(Arc<Sessions>),
}

impl Resumption {
    /// `previous` is gone on with unless clients are let in by other rules now: a session says who the client is, and
    /// was begun by the rules of then.
    pub(crate) fn new(
        settings: &Settings,
        suites: &Suites,
        client_fingerprint: [u8; 32],
        previous: Option<&Resumption>,
    ) -> Result<Self, Error> {
        check(settings, suites)?;
        let previous =
            previous.filter(|previous| previous.client_fingerprint == client_fingerprint);
        let previous = previous.map(|previous| &previous.way);
        let life = Life {
            seconds: settings.ticket_lifetime_s,
            has_certificates: settings.client != ClientAuth::None,
        };
        let way = if !settings.resumption {
            Way::Off
        } else if settings.early_data_bytes > 0 {
            let previous = match previous {
                Some(Way::Sessions(sessions)) => Some(sessions.as_ref()),
                _ => None,
            };
            Way::Sessions(Arc::new(Sessions::new(previous, life)))
        } else {
            let tickets = if settings.ticket_keys.is_empty() {
                let previous = match previous {
                    Some(Way::Tickets(tickets)) => Some(tickets.as_ref()),
                    _ => None,
                };
                Tickets::own(previous, life)
            } else {
                Tickets::shared(&settings.ticket_keys, &client_fingerprint, life)
            };
            Way::Tickets(Arc::new(tickets.ok_or_else(|| {
                problem("the system gives no random numbers for ticket keys")
            })?))
        };
        Ok(Resumption {
            way,
            early_data_bytes: settings.early_data_bytes,
            client_fingerprint,
        })
    }

    pub(crate) fn apply(&self, config: &mut ServerConfig) {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = TICKETS;
        match &self.way {
            Way::Off => config.send_tls13_tickets = 0,
            Way::Tickets(tickets) => config.ticketer = tickets.clone(),
            Way::Sessions(sessions) => {
                config.session_storage = sessions.clone();
                config.max_early_data_size = self.early_data_bytes;
            }
        }
    }
}

fn check(settings: &Settings, suites: &Suites) -> Result<(), Error> {
    if !(1..=LONGEST_LIFETIME_S).contains(&settings.ticket_lifetime_s) {
        let text = format!(
            "ticketLifetime is {} s, and must be 1 to {LONGEST_LIFETIME_S} s",
            settings.ticket_lifetime_s
        );
        return Err(problem(text));
    }
    if settings.early_data_bytes == 0 {
        return Ok(());
    }
    if !settings.resumption {
        return Err(problem(
            "earlyData needs resumption, which is off: clients send it with a session that they resume",
        ));
    }
    if !suites.speak(Version::Tls13) {
        return Err(problem(
            "earlyData needs TLSv1.3, which these versions and cipher suites leave out",
        ));
    }
    if !settings.ticket_keys.is_empty() {
        let text = "earlyData and ticketKeys exclude each other: early data could be replayed to every server that has the \
                    keys (RFC 8446 section 8.1), so its sessions are kept by one server, in memory";
        return Err(problem(text));
    }
    Ok(())
}

fn problem(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Option, text)
}
