//! Addresses of HTTP, as a configuration names them. In: what stands in one between `//` and the path.
//! Out: what is wrong with the host and the port that it names. And where others find what listens here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// Looks whether `authority` names a host, no user, and if a port then one that there is: HTTP's client
/// would take the usual port in place of another. `login` says where a user belongs.
///
/// ```
/// # use posed::address::check;
/// assert!(check("camera:8080", "`user`").is_ok() && check("[::1]", "`user`").is_ok());
/// assert_eq!(check("camera:99999", "`user`"), Err("99999 is no port".into()));
/// assert_eq!(check("me@camera", "`user`"), Err("has a user in it: give `user`".into()));
/// ```
///
/// # Errors
/// What is wrong with it.
pub fn check(authority: &str, login: &str) -> Result<(), String> {
    if authority.contains('@') {
        return Err(format!("has a user in it: give {login}"));
    }
    // The colons of an IPv6 address are within brackets.
    let port = authority
        .rsplit_once(':')
        .filter(|(_, p)| !p.ends_with(']'));
    if port.map_or(authority, |(host, _)| host).is_empty() {
        return Err("names no host".into());
    }
    match port.map(|(_, port)| port) {
        Some(port) if !port.parse().is_ok_and(|port: u16| port > 0) => {
            Err(format!("{port} is no port"))
        }
        _ => Ok(()),
    }
}

/// Where others find what listens at `listen`, as an address for a browser; `None` while this machine
/// is in no network.
pub fn reached_at(listen: SocketAddr) -> Option<String> {
    let ip = match listen.ip().is_unspecified() {
        true => own_address()?,
        false => listen.ip(),
    };
    Some(format!("http://{}/", SocketAddr::new(ip, listen.port())))
}

/// The address by which this machine would reach others; nothing is sent to find it.
fn own_address() -> Option<IpAddr> {
    // An address that the standard keeps for examples (RFC 5737): only the routes are asked.
    const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
