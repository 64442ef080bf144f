//! Why there is no connection, as `redflag check` says it: who failed, how, and the way out that fits.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/connections").join(name)
}

/// Answers each connection by a function, on a port of its own.
fn listen(answer: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    port
}

/// Speaks TLS with this certificate, and answers in HTTP.
fn tls(certificate: &str) -> u16 {
    let chain = vec![CertificateDer::from_pem_file(pem(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(pem("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    listen(move |stream| {
        let config = Arc::clone(&config);
        std::thread::spawn(move || {
            let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            // One that does not trust us, or does not speak TLS, is gone by now.
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
    })
}

/// Answers this to whatever is said.
fn says(answer: &'static [u8]) -> u16 {
    listen(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(answer);
    })
}

/// The line of the source at this address.
fn told(url: &str, variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[sources.cluster]\nkind = \"kubernetes\"\nkubeconfig = \"nowhere.yaml\"\n\
         [sources.peer]\nkind = \"prometheus\"\nurl = \"{url}\"\n[environments.a]\nworkloads = [\"deployment/app\"]\n\
         [[environments.a.signals]]\nkind = \"traffic\"\nquery = \"x\"\n"
    );
    let path = folder.path().join("redflag.toml");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_redflag"));
    command.arg("--config").arg(&path).arg("check").env_clear().env("HOME", folder.path()).stdin(Stdio::null());
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains("peer: ")).unwrap_or_else(|| panic!("{text}"));
    assert!(text.contains("not tried: requests (peer failed)") || line.starts_with("ok"), "{text}");
    line.to_owned()
}

#[test]
fn a_port_where_nobody_listens_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(
        told(&format!("http://127.0.0.1:{port}/sub"), &[]),
        format!(
            "FAIL  peer: reachable: cannot connect: connection refused by 127.0.0.1:{port}; correct the port in the url, \
             or start what should listen there"
        )
    );
}

#[test]
fn a_name_that_cannot_be_one_has_no_address() {
    // Longer than any name may be: no resolver is asked.
    let host = format!("{}.example", "x".repeat(64));
    let line = told(&format!("http://{host}"), &[]);
    assert!(line.starts_with(&format!("FAIL  peer: reachable: cannot connect: no address for {host}:80 (")), "{line}");
    assert!(line.ends_with("; correct the host in the url; or is a VPN missing?"), "{line}");
}

#[test]
fn a_proxy_that_does_not_answer_is_named_and_not_the_source() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let proxy = format!("http://me:hunter2@127.0.0.1:{port}");
    for (scheme, variable) in [("https", "HTTPS_PROXY"), ("http", "http_proxy")] {
        let line = told(&format!("{scheme}://grafana.example.com"), &[(variable, &proxy)]);
        assert_eq!(
            line,
            format!(
                "FAIL  peer: reachable: cannot connect: connection refused by the proxy 127.0.0.1:{port}; correct \
                 HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or add grafana.example.com to NO_PROXY"
            )
        );
    }
    let wants = says(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let line = told("http://grafana.example.com", &[("http_proxy", &format!("http://127.0.0.1:{wants}"))]);
    assert!(line.contains(&format!("the proxy 127.0.0.1:{wants} wants user and password")), "{line}");
}

#[test]
fn whoever_speaks_the_other_protocol_is_told_from_whoever_is_not_there() {
    let plain = says(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert_eq!(
        told(&format!("https://127.0.0.1:{plain}"), &[]),
        format!(
            "FAIL  peer: reachable: cannot connect: 127.0.0.1:{plain} speaks http, not https; write http:// in the url, \
             or the port that speaks https"
        )
    );
    let by_tls = |port: u16| {
        format!(
            "FAIL  peer: reachable: cannot connect: 127.0.0.1:{port} speaks https, not http; write https:// in the url"
        )
    };
    let go =
        says(b"HTTP/1.0 400 Bad Request\r\nconnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    assert_eq!(told(&format!("http://127.0.0.1:{go}"), &[]), by_tls(go));
    // One that says nothing is asked by TLS, without what identifies us.
    let silent = tls("self.pem");
    assert_eq!(told(&format!("http://127.0.0.1:{silent}"), &[]), by_tls(silent));
    let ssh = says(b"SSH-2.0-OpenSSH_9.2\r\n");
    let line = told(&format!("http://127.0.0.1:{ssh}"), &[]);
    assert!(line.contains(&format!("127.0.0.1:{ssh} does not speak http; correct the port in the url")), "{line}");
}

#[test]
fn a_redirect_to_tls_is_no_sign_in() {
    let moved =
        says(b"HTTP/1.1 301 Moved\r\nlocation: https://127.0.0.1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let line = told(&format!("http://127.0.0.1:{moved}"), &[]);
    assert!(line.ends_with("speaks https, not http; write https:// in the url"), "{line}");
    let login = says(
        b"HTTP/1.1 302 Found\r\nlocation: https://login.example.com/?ticket=hush\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let line = told(&format!("http://127.0.0.1:{login}"), &[]);
    assert!(line.contains("redirected to https://login.example.com: a sign-in page stands in front"), "{line}");
}

/// Where the trust store of a machine is asked by a library of its own, this variable means nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_certificate_that_is_not_trusted_says_why() {
    let authority = pem("authority.pem").display().to_string();
    for (certificate, said) in [
        ("expired.pem", "expired on 2020-02-01; renew the certificate there"),
        ("early.pem", "is valid only from 2100-01-01; set the clock of this machine"),
        ("other.pem", "is for grafana.example.com, www.example.com; write the host in the url as the certificate"),
        ("self.pem", "is self-signed; add the certificate to this machine's trust store"),
    ] {
        let port = tls(certificate);
        let line = told(&format!("https://localhost:{port}"), &[("SSL_CERT_FILE", &authority)]);
        let begins = format!("FAIL  peer: reachable: cannot connect: the certificate of localhost:{port} {said}");
        assert!(line.starts_with(&begins), "{certificate}: {line}");
    }
    let port = tls("localhost.pem");
    let own = pem("self.pem").display().to_string();
    let line = told(&format!("https://localhost:{port}"), &[("SSL_CERT_FILE", &own)]);
    assert!(line.contains(&format!("the certificate of localhost:{port} is from an unknown issuer")), "{line}");
    let line = told(&format!("https://localhost:{port}"), &[("SSL_CERT_FILE", &authority)]);
    assert!(!line.contains("certificate"), "one that is trusted is no problem: {line}");
}
