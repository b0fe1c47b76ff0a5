//! A broker, and as whom to log in there.
//!
//! In: the keys of a section. Out: options of a connection, or in words why there is none.

use super::Broker;
use crate::settings::Section;
use crate::tls;
use crate::trouble::Trouble;
use rumqttc::{
    Client, ConnectReturnCode, Connection, ConnectionError, Event, MqttOptions, Packet,
    TlsConfiguration, Transport,
};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The broker takes posed for dead after one and a half of these without a word.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a broker may take to answer when it is only asked whether it is there.
const ANSWER: Duration = Duration::from_secs(3);
/// The longest message that is taken in, in bytes: a longer one ends the connection.
const MOST_IN: usize = 1 << 20;
/// The longest message that is sent, in bytes: a picture.
const MOST_OUT: usize = 8 << 20;

const URL: &str = "the broker: `mqtts://` encrypts; the port is 1883, or 8883 encrypted, unless it \
                   is named";
const CA_FILE: &str = "with `mqtts://`: the certificate of a broker that no public authority \
                       vouches for (PEM)";

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub struct Account {
    pub broker: Broker,
    login: Option<Login>,
    /// Trusted in place of the system's authorities.
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct Login {
    user: String,
    password_file: Option<PathBuf>,
}

impl Account {
    /// Reads `url`, `user`, `password_file` and `ca_file`; no file is opened and nobody is asked.
    pub fn read(s: &mut Section) -> Option<Self> {
        let broker = s
            .text("url", URL)
            .example("\"mqtt://homeassistant.local\"")
            .parse(|url| Broker::parse(&url))
            .needed();
        let login = Login::read(s);
        let ca_file = s
            .path("ca_file", CA_FILE)
            .example("\"/etc/posed/ca.pem\"")
            .maybe();
        if ca_file.is_some() && broker.as_ref().is_some_and(|b| !b.encrypted) {
            s.fault_with(
                "ca_file",
                "only goes with a url that begins with mqtts://",
                "remove the line, or write url = \"mqtts://…\"",
            );
        }
        Some(Self {
            broker: broker?,
            login,
            ca_file,
        })
    }

    /// What a connection is made by; without `client_id` it has a name of its own.
    ///
    /// # Errors
    /// A file that is named cannot be read or is not what it should be.
    pub(super) fn options(&self, client_id: Option<&str>) -> Result<MqttOptions, Trouble> {
        let id = client_id.map_or_else(random_id, String::from);
        let mut options = MqttOptions::new(id, &self.broker.host, self.broker.port);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(MOST_IN, MOST_OUT);
        if let Some(login) = &self.login {
            let password = match &login.password_file {
                Some(path) => tls::read_file(path, "password_file")?,
                None => String::new(),
            };
            options.set_credentials(&login.user, password.trim_end_matches(['\r', '\n']));
        }
        if self.broker.encrypted {
            let tls = Arc::new(tls::config(self.ca_file.as_deref())?);
            let tls = TlsConfiguration::Rustls(tls);
            options.set_transport(Transport::tls_with_config(tls));
        }
        Ok(options)
    }

    /// Connects, logs in and leaves again, within some seconds.
    ///
    /// # Errors
    /// Why that cannot be done.
    pub fn check(&self) -> Result<(), Trouble> {
        let (client, mut connection) = Client::new(self.options(None)?, 1);
        let answer = first_answer(&mut connection);
        let _ = client.try_disconnect();
        match answer {
            Some(Ok(())) => {
                let _ = connection.recv_timeout(ANSWER);
                Ok(())
            }
            Some(Err(e)) => Err(self.trouble(&e)),
            None => {
                let broker = &self.broker;
                let what = format!("the MQTT broker {broker} cannot be reached: no answer");
                Err(Trouble::new(what, REACH))
            }
        }
    }

    /// What went wrong, with the mend.
    pub(super) fn trouble(&self, error: &ConnectionError) -> Trouble {
        let broker = &self.broker;
        match error {
            ConnectionError::ConnectionRefused(
                ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
            ) => Trouble::new(
                format!("the MQTT broker {broker} refuses the login"),
                "correct `user` and what stands in `password_file`",
            ),
            ConnectionError::ConnectionRefused(code) => Trouble::new(
                format!("the MQTT broker {broker} refuses the connection: {code:?}"),
                "its own log says why",
            ),
            ConnectionError::Tls(e) => Trouble::new(
                format!("the MQTT broker {broker} cannot be trusted: {e}"),
                "name the certificate that vouches for it as `ca_file`, and in `url` the host that \
                 its certificate names",
            ),
            other => Trouble::new(
                format!("the MQTT broker {broker} cannot be reached: {other}"),
                REACH,
            ),
        }
    }
}

const REACH: &str = "is it running, and may this machine reach it? Under the service, \
                     docs/install.md tells how to allow the network";

impl Login {
    fn read(s: &mut Section) -> Option<Self> {
        let user = s.text("user", "as whom to log in").example("\"posed\"");
        let user = user.maybe();
        let meaning = "a file with that user's password, which only posed may read";
        let password_file = s
            .path("password_file", meaning)
            .example("\"/etc/posed/mqtt.password\"")
            .maybe();
        if password_file.is_some() && user.is_none() {
            s.fault_with(
                "password_file",
                "only goes with `user`",
                "add the line user = \"…\"",
            );
        }
        Some(Self {
            user: user?,
            password_file,
        })
    }
}

/// One name for two programs would make the broker cut off one for the other, for ever.
fn random_id() -> String {
    let mut random = RandomState::new().build_hasher();
    random.write_u32(std::process::id());
    format!("posed-{:016x}", random.finish())
}

/// Whether the login is accepted; `None` where nothing was said in time.
fn first_answer(connection: &mut Connection) -> Option<Result<(), ConnectionError>> {
    let end = Instant::now() + ANSWER;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match connection.recv_timeout(left).ok()? {
            Ok(Event::Incoming(Packet::ConnAck(_))) => return Some(Ok(())),
            Ok(_) => {}
            Err(e) => return Some(Err(e)),
        }
    }
}
