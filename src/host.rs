//! What this machine is called. Out: its name, for topics, pages and the names it answers to.

/// The name in /etc/hostname, which the service may read; of /proc it sees processes alone.
pub fn name() -> Option<String> {
    let text = std::fs::read_to_string("/etc/hostname").ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_string())
}
