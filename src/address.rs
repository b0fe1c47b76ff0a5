//! Addresses of HTTP, as a configuration names them. In: what stands in one between `//` and the path.
//! Out: what is wrong with the host and the port that it names.

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
