//! Words: why there is no connection, with the way out that fits.

use crate::deploy::Time;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why there is no connection to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoConnection {
    /// Host and port that were asked for; `None` where it did not come so far.
    pub to: Option<String>,
    /// Host and port of the proxy that stands between.
    pub proxy: Option<String>,
    /// What happened.
    pub reason: Reason,
}

/// What kept a connection from being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The host has no address that anybody knows; in the system's words.
    Unresolved(String),
    /// Nobody listens at that port.
    Refused,
    /// No way leads there.
    NoRoute,
    /// Nobody answered within so many seconds.
    TimedOut(i64),
    /// It was closed before there was an answer.
    Closed,
    /// What answers does not speak TLS.
    SpeaksHttp,
    /// What answers speaks TLS, and was asked without.
    SpeaksHttps,
    /// What answers does not speak HTTP.
    NotHttp,
    /// Its certificate is not one to be trusted.
    Certificate(Certificate),
    /// The proxy wants to know who is asking.
    ProxyCredentials,
    /// Anything else, in the system's words.
    Other(String),
}

/// Why a certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// It was valid until then, where that is known.
    Expired(Option<Time>),
    /// It is valid from then on, where that is known.
    NotYetValid(Option<Time>),
    /// Nobody known has signed it; it may have signed itself.
    UnknownIssuer,
    /// It has signed itself.
    SelfSigned,
    /// It is for these names, and for no other.
    WrongName(Vec<String>),
    /// Whoever signed it has taken it back.
    Revoked,
    /// Anything else, in the library's words.
    Other(String),
}

/// Of the names that a certificate is for, so many are told.
const NAMES: usize = 3;

impl NoConnection {
    /// Why there is none, to nobody in particular.
    pub fn new(reason: Reason) -> Self {
        Self { to: None, proxy: None, reason }
    }

    /// The same to this host and port, unless one is known.
    #[must_use]
    pub fn to(mut self, host: &str) -> Self {
        self.to.get_or_insert_with(|| host.to_owned());
        self
    }

    /// Who failed: the proxy, where there is one and it did not come beyond it.
    fn peer(&self) -> String {
        let at_the_door = matches!(
            self.reason,
            Reason::Unresolved(_) | Reason::Refused | Reason::NoRoute | Reason::TimedOut(_) | Reason::ProxyCredentials
        );
        match (&self.proxy, &self.to) {
            (Some(proxy), _) if at_the_door => format!("the proxy {proxy}"),
            (_, Some(to)) => to.clone(),
            (_, None) => "the server".to_owned(),
        }
    }

    /// What to do about it.
    pub fn way_out(&self) -> String {
        let host = self.to.as_deref().and_then(|to| to.rsplit_once(':')).map_or("the host", |(host, _)| host);
        if let (Some(_), Reason::Unresolved(_) | Reason::Refused | Reason::NoRoute | Reason::TimedOut(_)) =
            (&self.proxy, &self.reason)
        {
            return format!("correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or add {host} to NO_PROXY");
        }
        match &self.reason {
            Reason::Unresolved(_) => "correct the host in the url; or is a VPN missing?".to_owned(),
            Reason::Refused => "correct the port in the url, or start what should listen there".to_owned(),
            Reason::NoRoute => "is a VPN missing?".to_owned(),
            Reason::TimedOut(_) => {
                "correct the host and the port; a firewall, or a missing VPN, lets nothing through".to_owned()
            }
            Reason::Closed => "look at what listens there, and at any proxy in front of it".to_owned(),
            Reason::SpeaksHttp => "write http:// in the url, or the port that speaks https".to_owned(),
            Reason::SpeaksHttps => "write https:// in the url".to_owned(),
            Reason::NotHttp => "correct the port in the url".to_owned(),
            Reason::Certificate(certificate) => certificate.way_out(),
            Reason::ProxyCredentials => {
                format!("put user and password into HTTPS_PROXY or HTTP_PROXY, or add {host} to NO_PROXY")
            }
            Reason::Other(_) => "correct the url, and look at the network in between".to_owned(),
        }
    }
}

impl Certificate {
    fn way_out(&self) -> String {
        match self {
            Self::Expired(_) => "renew the certificate there; or is the clock of this machine wrong?",
            Self::NotYetValid(_) => "set the clock of this machine; or the certificate there is for later",
            Self::UnknownIssuer => {
                "add the authority that signed it to this machine's trust store, or name a file of it in SSL_CERT_FILE"
            }
            Self::SelfSigned => {
                "add the certificate to this machine's trust store, or name a file of it in SSL_CERT_FILE"
            }
            Self::WrongName(_) => "write the host in the url as the certificate names it",
            Self::Revoked => "replace the certificate there",
            Self::Other(_) => "replace the certificate there, or add its authority to this machine's trust store",
        }
        .to_owned()
    }
}

impl From<String> for NoConnection {
    fn from(said: String) -> Self {
        Self::new(Reason::Other(said))
    }
}

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.peer();
        match &self.reason {
            Reason::Unresolved(said) => write!(f, "no address for {peer} ({said})")?,
            Reason::Refused => write!(f, "connection refused by {peer}")?,
            Reason::NoRoute => write!(f, "no route to {peer}")?,
            Reason::TimedOut(seconds) => write!(f, "no connection to {peer} within {seconds} s")?,
            Reason::Closed => write!(f, "{peer} closed the connection without an answer")?,
            Reason::SpeaksHttp => write!(f, "{peer} speaks http, not https")?,
            Reason::SpeaksHttps => write!(f, "{peer} speaks https, not http")?,
            Reason::NotHttp => write!(f, "{peer} does not speak http")?,
            Reason::Certificate(certificate) => {
                write!(f, "the certificate of {peer} ")?;
                match certificate {
                    Certificate::Expired(Some(at)) => write!(f, "expired on {}", at.format("%Y-%m-%d"))?,
                    Certificate::Expired(None) => f.write_str("has expired")?,
                    Certificate::NotYetValid(Some(at)) => write!(f, "is valid only from {}", at.format("%Y-%m-%d"))?,
                    Certificate::NotYetValid(None) => f.write_str("is not valid yet")?,
                    Certificate::UnknownIssuer => f.write_str("is from an unknown issuer, or self-signed")?,
                    Certificate::SelfSigned => f.write_str("is self-signed")?,
                    Certificate::WrongName(names) if names.is_empty() => f.write_str("is for another host")?,
                    Certificate::WrongName(names) => {
                        write!(f, "is for {}", names[..names.len().min(NAMES)].join(", "))?;
                        if let Some(more) = names.len().checked_sub(NAMES).filter(|more| *more > 0) {
                            write!(f, " and {more} more")?;
                        }
                    }
                    Certificate::Revoked => f.write_str("has been revoked")?,
                    Certificate::Other(said) => write!(f, "is not trusted: {said}")?,
                }
            }
            Reason::ProxyCredentials => write!(f, "{peer} wants user and password")?,
            Reason::Other(said) => match &self.to {
                Some(to) => write!(f, "{to}: {said}")?,
                None => f.write_str(said)?,
            },
        }
        match &self.proxy {
            Some(proxy) if !peer.ends_with(proxy.as_str()) => write!(f, ", through the proxy {proxy}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn whoever_failed_is_named_with_the_way_out_that_fits() {
        let told = |proxy: Option<&str>, reason: Reason| {
            let proxy = proxy.map(ToOwned::to_owned);
            let it = NoConnection { to: Some("grafana.example.com:443".to_owned()), proxy, reason };
            format!("{it}; {}", it.way_out())
        };
        assert_eq!(
            told(None, Reason::Refused),
            "connection refused by grafana.example.com:443; correct the port in the url, or start what should listen there"
        );
        assert_eq!(
            told(Some("10.0.0.1:3128"), Reason::Refused),
            "connection refused by the proxy 10.0.0.1:3128; correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or add \
             grafana.example.com to NO_PROXY"
        );
        assert_eq!(
            told(Some("10.0.0.1:3128"), Reason::SpeaksHttp),
            "grafana.example.com:443 speaks http, not https, through the proxy 10.0.0.1:3128; write http:// in the url, \
             or the port that speaks https"
        );
        let expired = Certificate::Expired(DateTime::from_timestamp(1_767_225_600, 0));
        assert_eq!(
            told(None, Reason::Certificate(expired)),
            "the certificate of grafana.example.com:443 expired on 2026-01-01; renew the certificate there; or is the \
             clock of this machine wrong?"
        );
        let names = ["a", "b", "c", "d"].map(ToOwned::to_owned).to_vec();
        assert!(
            told(None, Reason::Certificate(Certificate::WrongName(names)))
                .starts_with("the certificate of grafana.example.com:443 is for a, b, c and 1 more; write the host")
        );
    }
}
