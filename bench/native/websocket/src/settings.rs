//! What the command line says.

use std::time::Duration;

pub(crate) const USAGE: &str = "bench-websocket <echo|publish|idle> <port> [<name>=<value>…]
  sockets=64    how many are opened; in publish, how many subscribe
  bytes=64      of a message
  window=1      messages in flight, of each socket or of the one that publishes
  kind=binary   or text, or deflate: text with permessage-deflate
  warmup=1      seconds of load before the measured ones
  seconds=3     of measured load; 0 verifies and measures nothing";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Echo,
    Publish,
    Idle,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Binary,
    Text,
    /// Text under permessage-deflate.
    Deflate,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) port: u16,
    pub(crate) sockets: usize,
    pub(crate) bytes: usize,
    pub(crate) window: usize,
    pub(crate) kind: Kind,
    pub(crate) warmup: Duration,
    pub(crate) seconds: Duration,
}

impl Settings {
    pub(crate) fn new(mode: Mode, port: u16) -> Self {
        Settings {
            mode,
            port,
            sockets: 64,
            bytes: 64,
            window: 1,
            kind: Kind::Binary,
            warmup: Duration::from_secs(1),
            seconds: Duration::from_secs(3),
        }
    }

    pub(crate) fn read(arguments: &[String]) -> Result<Self, String> {
        let [mode, port, pairs @ ..] = arguments else {
            return Err("a mode and a port are needed".into());
        };
        let mode = match mode.as_str() {
            "echo" => Mode::Echo,
            "publish" => Mode::Publish,
            "idle" => Mode::Idle,
            other => return Err(format!("there is no mode {other}")),
        };
        let port = port
            .parse()
            .map_err(|_| format!("the port is not {port}"))?;
        let mut settings = Settings::new(mode, port);
        for pair in pairs {
            settings
                .set(pair)
                .ok_or_else(|| format!("{pair} is not an option"))?;
        }
        Ok(settings)
    }

    fn set(&mut self, pair: &str) -> Option<()> {
        let (name, value) = pair.split_once('=')?;
        let count = || value.parse::<u32>().ok().map(|count| count as usize);
        let at_least_one = || count().filter(|&count| count > 0);
        let seconds = || Some(Duration::from_secs(count()? as u64));
        match name {
            "sockets" => self.sockets = at_least_one()?,
            "bytes" => self.bytes = at_least_one()?,
            "window" => self.window = at_least_one()?,
            "warmup" => self.warmup = seconds()?,
            "seconds" => self.seconds = seconds()?,
            "kind" => {
                self.kind = match value {
                    "binary" => Kind::Binary,
                    "text" => Kind::Text,
                    "deflate" => Kind::Deflate,
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Settings, String> {
        Settings::read(&line.split(' ').map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_said_keeps_its_default() {
        let settings = read("echo 80 bytes=1024 kind=deflate window=16").unwrap();
        assert_eq!(
            (settings.port, settings.sockets, settings.bytes),
            (80, 64, 1024)
        );
        assert_eq!((settings.window, settings.kind), (16, Kind::Deflate));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in [
            "echo",
            "shout 80",
            "echo 80000",
            "echo 80 sockets=0",
            "echo 80 kind=blob",
            "echo 80 color=red",
            "echo 80 bytes",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
