//! What the command line says.

use std::time::Duration;

pub(crate) const USAGE: &str = "bench-tls <requests|handshakes|idle> <port> [<name>=<value>…]
  connections=64  how many are open at once
  path=/          what is asked for
  warmup=1        seconds of load before the measured ones
  seconds=3       of measured load";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Requests,
    Handshakes,
    Idle,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) port: u16,
    pub(crate) connections: usize,
    pub(crate) path: String,
    pub(crate) warmup: Duration,
    pub(crate) seconds: Duration,
}

impl Settings {
    pub(crate) fn read(arguments: &[String]) -> Result<Self, String> {
        let [mode, port, pairs @ ..] = arguments else {
            return Err("a mode and a port are needed".into());
        };
        let mode = match mode.as_str() {
            "requests" => Mode::Requests,
            "handshakes" => Mode::Handshakes,
            "idle" => Mode::Idle,
            other => return Err(format!("there is no mode {other}")),
        };
        let mut settings = Settings {
            mode,
            port: port
                .parse()
                .map_err(|_| format!("the port is not {port}"))?,
            connections: 64,
            path: "/".into(),
            warmup: Duration::from_secs(1),
            seconds: Duration::from_secs(3),
        };
        for pair in pairs {
            settings
                .set(pair)
                .ok_or_else(|| format!("{pair} is not an option"))?;
        }
        Ok(settings)
    }

    /// The request as bytes.
    pub(crate) fn request(&self) -> String {
        let Settings { path, port, .. } = self;
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")
    }

    fn set(&mut self, pair: &str) -> Option<()> {
        let (name, value) = pair.split_once('=')?;
        let count = || value.parse::<u32>().ok();
        let seconds = || Some(Duration::from_secs(count()?.into()));
        match name {
            "connections" => self.connections = count().filter(|&count| count > 0)? as usize,
            "path" => self.path = Some(value).filter(|path| path.starts_with('/'))?.into(),
            "warmup" => self.warmup = seconds()?,
            "seconds" => self.seconds = seconds()?,
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Settings, String> {
        let arguments: Vec<String> = line.split(' ').map(String::from).collect();
        Settings::read(&arguments)
    }

    #[test]
    fn what_is_said_takes_the_place_of_what_is_assumed() {
        let settings = read("idle 443 connections=8 path=/a.bin seconds=2").expect("settings");
        assert_eq!(
            (settings.mode, settings.port, settings.connections),
            (Mode::Idle, 443, 8)
        );
        assert_eq!(settings.seconds, Duration::from_secs(2));
        assert_eq!(settings.warmup, Duration::from_secs(1));
        assert_eq!(
            settings.request(),
            "GET /a.bin HTTP/1.1\r\nHost: localhost:443\r\n\r\n"
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in [
            "idle",
            "sleep 443",
            "idle port",
            "idle 443 connections=0",
            "idle 443 path=a",
            "idle 443 sockets=8",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
