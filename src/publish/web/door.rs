//! Who may come in. In: the head of a request. Out: that it may be answered, or the answer that it
//! gets instead.
//!
//! Another site's page in the same browser must neither read nor do anything: a name that leads
//! here by somebody else's DNS is refused (DNS rebinding), and so is what another origin asks for.

use super::WebSettings;
use super::sessions::{LASTS, Sessions};
use crate::host;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::net::IpAddr;

const COOKIE_NAME: &str = "posed";

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The name by which it was asked for is not ours.
    Host,
    /// Another site's page asks.
    Origin,
}

/// Names by which this machine is asked for.
pub struct Door {
    hosts: Vec<String>,
}

impl Door {
    pub fn new(settings: &WebSettings) -> Self {
        let mut hosts = vec!["localhost".to_string()];
        if let Some(own) = host::name() {
            let own = own.to_ascii_lowercase();
            hosts.push(format!("{own}.local"));
            hosts.push(own);
        }
        hosts.extend(settings.hosts.iter().cloned());
        Self { hosts }
    }

    /// Whether a request may be answered at all.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
        let host = text(HOST).ok_or(Refusal::Host)?;
        if headers.get_all(HOST).iter().count() != 1 || !self.is_ours(host) {
            return Err(Refusal::Host);
        }
        if let Some(origin) = headers.get(ORIGIN) {
            let place = origin.to_str().ok().and_then(|o| o.split_once("://"));
            let (scheme, place) = place.ok_or(Refusal::Origin)?;
            // A proxy that encrypts may hand on another name than the browser's.
            let is_same = place == host || self.is_named(place);
            return match is_same && matches!(scheme, "http" | "https") {
                true => Ok(()),
                false => Err(Refusal::Origin),
            };
        }
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let is_navigation = *method == Method::GET && header("sec-fetch-mode") == Some("navigate");
        match header("sec-fetch-site") {
            Some("cross-site" | "same-site") if !is_navigation => Err(Refusal::Origin),
            _ => Ok(()),
        }
    }

    /// Whether it is a number, which no DNS can make lead here, or one of our names.
    fn is_ours(&self, host: &str) -> bool {
        let name = without_port(host);
        let number = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        number.unwrap_or(name).parse::<IpAddr>().is_ok() || self.is_named(host)
    }

    fn is_named(&self, host: &str) -> bool {
        let name = without_port(host)
            .trim_end_matches('.')
            .to_ascii_lowercase();
        self.hosts.contains(&name)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) && !name.ends_with(':') => {
            name
        }
        _ => host,
    }
}

/// The token in the cookie of a request.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|c| c.to_str().ok());
    let mut pairs = cookies.flat_map(|c| c.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

/// Whether whoever sent this is logged in, by a cookie or by the password itself (RFC 7617, any user).
/// The latter is slow the first time.
pub fn is_in(sessions: &Sessions, headers: &HeaderMap) -> bool {
    token(headers).is_some_and(|token| sessions.is_in(token))
        || basic_password(headers).is_some_and(|password| sessions.is_right(&password))
}

/// The password that a program sends with its request.
pub fn basic_password(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (_, password) = text.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| password.to_string())
}

/// The cookie that a browser is to keep; no token, none any more.
pub fn cookie(token: Option<&str>) -> String {
    let age = token.map_or(0, |_| LASTS.as_secs());
    let token = token.unwrap_or_default();
    format!("{COOKIE_NAME}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        Door {
            hosts: vec!["localhost".into(), "hall.local".into()],
        }
    }

    fn check(method: Method, pairs: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        door().check(&method, &headers)
    }

    #[test]
    fn numbers_and_own_names_are_answered_and_no_other_name() {
        let host = |host: &str| check(Method::GET, &[("host", host)]);
        for good in [
            "127.0.0.1:8420",
            "192.168.1.7",
            "[::1]:8420",
            "[fe80::1]",
            "localhost:8420",
            "HALL.local",
            "hall.local.",
        ] {
            assert_eq!(host(good), Ok(()), "{good}");
        }
        for wrong in [
            "evil.example",
            "evil.example:8420",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil.example",
            "hall",
            "[::1",
            ":8420",
            "x:y",
        ] {
            assert_eq!(host(wrong), Err(Refusal::Host), "{wrong}");
        }
        assert_eq!(check(Method::GET, &[]), Err(Refusal::Host));
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(check(Method::GET, &two), Err(Refusal::Host));
    }

    #[test]
    fn another_sites_page_is_not_answered() {
        let host = ("host", "192.168.1.7:8420");
        let from = |origin| check(Method::POST, &[host, ("origin", origin)]);
        assert_eq!(from("http://192.168.1.7:8420"), Ok(()));
        assert_eq!(from("https://hall.local"), Ok(()));
        for wrong in [
            "http://192.168.1.7",
            "http://192.168.1.8:8420",
            "https://evil.example",
            "null",
            "",
        ] {
            assert_eq!(from(wrong), Err(Refusal::Origin), "{wrong}");
        }
        let site = |site, mode| {
            let pairs = [host, ("sec-fetch-site", site), ("sec-fetch-mode", mode)];
            check(Method::GET, &pairs)
        };
        assert_eq!(site("cross-site", "no-cors"), Err(Refusal::Origin));
        assert_eq!(
            site("cross-site", "navigate"),
            Ok(()),
            "a link from elsewhere"
        );
        assert_eq!(site("same-origin", "cors"), Ok(()));
        assert_eq!(site("none", "navigate"), Ok(()));
    }

    #[test]
    fn cookies_and_basic_authentication_are_read() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=b; posed=t0ken".parse().unwrap());
        assert_eq!(token(&headers), Some("t0ken"));
        headers.insert(
            AUTHORIZATION,
            "Basic cG9zZWQ6b3BlbjpzZXNhbWU=".parse().unwrap(),
        );
        assert_eq!(basic_password(&headers).as_deref(), Some("open:sesame"));
        headers.insert(AUTHORIZATION, "Bearer x".parse().unwrap());
        assert_eq!(basic_password(&headers), None);
        assert!(cookie(Some("x")).contains("HttpOnly; SameSite=Strict"));
        assert!(cookie(None).contains("Max-Age=0"));
    }
}
