//! How hot the board is.
//!
//! In: the system's thermal zones. Out: the hottest, for whoever watches the board.

use std::path::Path;

/// The hottest zone in °C, and what it is called; zones that do not answer or have no sensor are
/// passed over. `root` stands for `/`.
///
/// ```
/// let root = tempfile::tempdir()?;
/// let zone = root.path().join("sys/class/thermal/thermal_zone0");
/// std::fs::create_dir_all(&zone)?;
/// std::fs::write(zone.join("temp"), "47200\n")?;
/// std::fs::write(zone.join("type"), "cpu-thermal\n")?;
/// let hottest = posed::temperature::hottest(root.path());
/// assert_eq!(hottest, Some((47.2, "cpu-thermal".into())));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn hottest(root: &Path) -> Option<(f64, String)> {
    let zones = std::fs::read_dir(root.join("sys/class/thermal")).ok()?;
    let zones = zones.flatten().filter(|zone| {
        let name = zone.file_name();
        name.to_string_lossy().starts_with("thermal_zone")
    });
    let read = |zone: &Path| {
        let milli: f64 = text(&zone.join("temp"))?.parse().ok()?;
        Some(milli / 1000.0)
    };
    let (celsius, zone) = zones
        .filter_map(|zone| Some((read(&zone.path())?, zone.path())))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let name = text(&zone.join("type")).unwrap_or_else(|| "sensor".into());
    Some((celsius, name))
}

/// What stands in a file of one line.
fn text(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
