//! Why there is no answer, or none from whom it should be.

use super::{Answer, CONNECT_TIMEOUT, Http};
use crate::net::connection;
use crate::poll::SourceError;
use crate::poll::connection::{NoConnection, Reason};
use crate::text::clean;
use reqwest::Response;

/// Of a refusal's body, what its reason is looked for in, in bytes.
const REASON_LIMIT: usize = 4 << 10;

impl Http {
    /// Why an answer is not from whom it should be: a proxy that wants to know who is asking, or a server that was spoken
    /// to in plain HTTP and speaks TLS. Go, nginx, Apache and Jetty say so in plain HTTP.
    pub(super) fn misdirected(&self, answer: &Answer) -> Option<SourceError> {
        const SAY_TLS: [&str; 4] = [
            "HTTP request to an HTTPS server",
            "plain HTTP request was sent to HTTPS port",
            "speaking plain HTTP to an SSL-enabled server port",
            "combination of host and port requires TLS",
        ];
        match answer.status.as_u16() {
            407 => Some(self.no_connection(Reason::ProxyCredentials)),
            400 if self.base.scheme() == "http" => {
                let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(REASON_LIMIT)]);
                let tls = SAY_TLS.iter().any(|words| said.contains(words));
                tls.then(|| self.no_connection(Reason::SpeaksHttps))
            }
            _ => None,
        }
    }

    pub(super) fn no_connection(&self, reason: Reason) -> SourceError {
        let (to, proxy) = (Some(clean(&connection::authority(&self.base))), connection::proxy_before(&self.base));
        SourceError::unreachable(NoConnection { to, proxy, reason })
    }

    /// Why nothing came back. Of the address host and port are told: the rest may be what nobody should read.
    pub(super) fn transport(&self, error: reqwest::Error) -> SourceError {
        let url = error.url().cloned().unwrap_or_else(|| self.base.clone());
        let error = error.without_url();
        if error.is_timeout() && !error.is_connect() {
            return SourceError::Timeout(self.seconds());
        }
        let mut none = connection::none_to(&url, &error);
        if error.is_timeout() {
            none.reason = Reason::TimedOut(CONNECT_TIMEOUT.as_secs().cast_signed());
        }
        SourceError::unreachable(none)
    }

    /// The same. A peer that was spoken to in plain HTTP and would not answer in it may speak TLS: that is tried, once,
    /// without anything that identifies us.
    pub(crate) async fn failure(&self, error: reqwest::Error) -> SourceError {
        let failure = self.transport(error);
        let SourceError::Unreachable(none) = &failure else { return failure };
        let suspicious = matches!(none.reason, Reason::NotHttp | Reason::Closed) && none.proxy.is_none();
        if suspicious && self.base.scheme() == "http" && *self.speaks_tls.get_or_init(|| self.try_tls()).await {
            return self.no_connection(Reason::SpeaksHttps);
        }
        failure
    }

    async fn try_tls(&self) -> bool {
        let mut url = self.base.clone();
        let port = url.port_or_known_default();
        url.set_path("/");
        url.set_query(None);
        if url.set_scheme("https").is_err() || url.set_port(port).is_err() {
            return false;
        }
        match self.client.head(url).timeout(self.timeout.min(CONNECT_TIMEOUT)).send().await {
            Ok(_) => true,
            // Only who speaks TLS shows a certificate.
            Err(error) => matches!(connection::reason(&error), Reason::Certificate(_)),
        }
    }
}

/// Whether a redirect leads to the same host, by TLS.
pub(super) fn is_upgrade(response: &Response) -> bool {
    let location = response.headers().get("location").and_then(|location| location.to_str().ok());
    let to = location.and_then(|location| response.url().join(location).ok());
    to.is_some_and(|to| to.scheme() == "https" && to.host_str() == response.url().host_str())
}
