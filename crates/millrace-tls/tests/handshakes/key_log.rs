//! The file with the secrets of connections.

use std::fs;
use std::path::PathBuf;

use millrace_tls::rustls::version::{TLS12, TLS13};
use millrace_tls::{Context, ErrorKind, Settings};

use crate::authority::Authority;
use crate::pair::{Client, connect};

#[test]
fn secrets_are_appended_in_the_format_of_nss() {
    let file = temporary("appended");
    fs::write(&file, "before\n").unwrap();
    let (context, authority) = server(file.clone()).unwrap();
    let client = |version| {
        let client = Client {
            versions: vec![version],
            ..Client::default()
        };
        client.config(authority.store())
    };
    connect(&context, &client(&TLS13), "example.org").unwrap();
    connect(&context, &client(&TLS12), "example.org").unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("before"));
    let mut labels = Vec::new();
    for line in lines {
        let [label, random, secret] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let is_hex = |text: &str| {
            text.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        assert!(random.len() == 64 && is_hex(random), "{line}");
        assert!([64, 96].contains(&secret.len()) && is_hex(secret), "{line}");
        labels.push(label);
    }
    labels.sort_unstable();
    let expected = [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_RANDOM",
        "CLIENT_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_TRAFFIC_SECRET_0",
    ];
    assert_eq!(labels, expected);
    assert_eq!(context.take_key_log_error(), None);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_made_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let file = temporary("mode");
    server(file.clone()).unwrap();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    fs::remove_file(&file).unwrap();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let error = server("/nowhere/at/all".into()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::File);
    assert_eq!(
        error.to_string(),
        "ERR_TLS_FILE - the key log file /nowhere/at/all cannot be opened: No such file or directory (os error 2)"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_is_reported_once_and_harms_no_connection() {
    let (context, authority) = server("/dev/full".into()).unwrap();
    assert_eq!(context.take_key_log_error(), None);
    let client = Client::default().config(authority.store());
    connect(&context, &client, "example.org").unwrap();
    let text =
        "the key log file /dev/full cannot be written: No space left on device (os error 28)";
    assert_eq!(context.take_key_log_error().as_deref(), Some(text));
    connect(&context, &client, "example.org").unwrap();
    assert_eq!(context.take_key_log_error(), None);
}

fn server(key_log: PathBuf) -> Result<(Context, Authority), millrace_tls::Error> {
    let authority = Authority::new("root");
    let settings = Settings {
        certificates: vec![authority.server(&["example.org"])],
        key_log: Some(key_log),
        ..Settings::default()
    };
    Ok((Context::new(&settings, None)?, authority))
}

fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("millrace-key-log-{name}-{}", std::process::id()))
}
