//! Where a broker is, as a URL names it.

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    pub host: String,
    pub port: u16,
    pub encrypted: bool,
}

impl Broker {
    /// Reads `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (encrypted, rest) = match url.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => {
                return Err(format!(
                    "{url:?} begins neither with mqtt:// nor with mqtts://"
                ));
            }
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err("has a user in it: give `user` and `password_file`".into());
        }
        let wrong = || format!("{url:?} names no host, or a port that is none");
        // An IPv6 address stands in brackets, since it has colons of its own.
        let (host, port) = match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, after))) => (host, Some(after.strip_prefix(':').ok_or_else(wrong)?)),
            Some(None) => return Err(wrong()),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let usual = if encrypted { 8883 } else { 1883 };
        let port = match port {
            None => usual,
            Some(text) => text.parse().ok().filter(|&p| p > 0).ok_or_else(wrong)?,
        };
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.into(),
            port,
            encrypted,
        })
    }
}

impl std::fmt::Display for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_and_encryption() {
        let broker = |url: &str| Broker::parse(url).map(|b| (b.to_string(), b.encrypted));
        assert_eq!(broker("mqtt://hub"), Ok(("hub:1883".into(), false)));
        assert_eq!(broker("mqtts://hub/"), Ok(("hub:8883".into(), true)));
        assert_eq!(
            broker("mqtt://10.0.0.2:99"),
            Ok(("10.0.0.2:99".into(), false))
        );
        assert_eq!(broker("mqtt://[::1]:99"), Ok(("::1:99".into(), false)));
        assert_eq!(
            broker("mqtt://[fe80::1]"),
            Ok(("fe80::1:1883".into(), false))
        );
        for wrong in [
            "hub",
            "http://hub",
            "mqtt://",
            "mqtt://hub:0",
            "mqtt://hub:x",
            "mqtt://a/b",
            "mqtt://me:secret@hub",
            "mqtt://[::1",
            "mqtt://[::1]99",
            "mqtt://hub:70000",
        ] {
            assert!(Broker::parse(wrong).is_err(), "{wrong}");
        }
    }
}
