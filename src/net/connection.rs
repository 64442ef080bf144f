//! Why there was no connection, made out of the errors of the libraries in between: by what they are, and by their texts
//! only where they are nothing else.

use crate::deploy::Time;
use crate::poll::connection::{Certificate, NoConnection, Reason};
use crate::text::{clean, shorten};
use chrono::DateTime;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, InvalidMessage};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::LazyLock;

/// The most bytes of an untrusted text.
const LONGEST: usize = 200;

/// Host and port of an address, for people to read.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Host and port of the proxy that stands before an address, by the same rules that the client has.
pub(crate) fn proxy_before(url: &Url) -> Option<String> {
    static PROXIES: LazyLock<Matcher> = LazyLock::new(Matcher::from_system);
    let found = PROXIES.intercept(&url.as_str().parse().ok()?)?;
    let uri = found.uri();
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    Some(clean(&format!("{}{port}", uri.host()?)))
}

/// Why there was no connection to an address.
pub(crate) fn none_to(url: &Url, error: &(dyn Error + 'static)) -> NoConnection {
    NoConnection { to: Some(clean(&authority(url))), proxy: proxy_before(url), reason: reason(error) }
}

/// What an error says of why there was no connection.
pub(crate) fn reason(error: &(dyn Error + 'static)) -> Reason {
    let links = links(error);
    for (index, link) in links.iter().enumerate() {
        if let Some(error) = link.downcast_ref::<rustls::Error>() {
            return of_tls(error);
        }
        if let Some(hyper) = link.downcast_ref::<hyper::Error>() {
            if hyper.is_parse() {
                return Reason::NotHttp;
            }
            if hyper.is_incomplete_message() {
                return Reason::Closed;
            }
        }
        // The client has no type for this one.
        if link.to_string() == "dns error" {
            let said = links.get(index + 1..).and_then(<[_]>::last).map(ToString::to_string).unwrap_or_default();
            return Reason::Unresolved(short(said.rsplit_once(": ").map_or(said.as_str(), |(_, why)| why)));
        }
    }
    let io = links.iter().filter_map(|link| link.downcast_ref::<io::Error>());
    let known = io.map(io::Error::kind).find_map(|kind| match kind {
        ErrorKind::ConnectionRefused => Some(Reason::Refused),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Some(Reason::NoRoute),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Some(Reason::Closed),
        _ => None,
    });
    known.unwrap_or_else(|| {
        // The innermost says most, and the one around it may say what it is about.
        let last = links.last().map(ToString::to_string).unwrap_or_default();
        let around = links.len().checked_sub(2).map(|place| links[place].to_string());
        Reason::Other(match around {
            Some(around) if !around.contains(&last) && links.len() > 2 => short(&format!("{around}: {last}")),
            _ => short(&last),
        })
    })
}

/// An error and all that are behind it. An `io::Error` hides the one that it was made of.
fn links<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut found: Vec<&'a (dyn Error + 'static)> = Vec::new();
    let mut next = Some(error);
    while let Some(link) = next.filter(|_| found.len() < 32) {
        found.push(link);
        let hidden = link.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match hidden {
            Some(hidden) => Some(hidden),
            None => link.source(),
        };
    }
    found
}

fn of_tls(error: &rustls::Error) -> Reason {
    match error {
        // What came back is no TLS at all: the beginning of an answer in HTTP, most likely.
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Reason::SpeaksHttp,
        rustls::Error::InvalidCertificate(certificate) => Reason::Certificate(of_certificate(certificate)),
        other => Reason::Other(short(&format!("TLS: {other}"))),
    }
}

fn of_certificate(error: &CertificateError) -> Certificate {
    match error {
        CertificateError::Expired => Certificate::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => Certificate::Expired(time(*not_after)),
        CertificateError::NotValidYet => Certificate::NotYetValid(None),
        CertificateError::NotValidYetContext { not_before, .. } => Certificate::NotYetValid(time(*not_before)),
        CertificateError::UnknownIssuer => Certificate::UnknownIssuer,
        CertificateError::NotValidForName => Certificate::WrongName(Vec::new()),
        CertificateError::NotValidForNameContext { presented, .. } => {
            Certificate::WrongName(presented.iter().map(|name| host_in(name)).collect())
        }
        CertificateError::Revoked => Certificate::Revoked,
        // A certificate that is an authority's own, shown as a server's: the verifier names it by its own code.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => Certificate::SelfSigned,
        other => Certificate::Other(short(&other.to_string())),
    }
}

/// The host in a certificate's name, which the library shows as `DnsName("example.com")`.
fn host_in(shown: &str) -> String {
    short(shown.split('"').nth(1).unwrap_or(shown))
}

fn time(at: UnixTime) -> Option<Time> {
    DateTime::from_timestamp(i64::try_from(at.as_secs()).ok()?, 0)
}

fn short(text: &str) -> String {
    shorten(&clean(text), LONGEST)
}
