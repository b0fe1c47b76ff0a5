//! Screens: framebuffers /dev/fb* and KMS cards /dev/dri/card*.
//!
//! In: the root of the system and a function that tries to open a node. Out: findings.

use super::{Finding, numbered, text};
use std::io;
use std::path::Path;

const AREA: &str = "screen";

/// Opens a screen's node for reading and writing, as drawing needs, and closes it again.
///
/// # Errors
/// It cannot be opened.
pub fn try_open(path: &Path) -> io::Result<()> {
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map(drop)
}

/// Looks at every framebuffer and KMS card.
pub fn examine(root: &Path, open: &dyn Fn(&Path) -> io::Result<()>) -> Vec<Finding> {
    let framebuffers = numbered(root, "dev", "fb");
    let cards = numbered(root, "dev/dri", "card");
    if framebuffers.is_empty() && cards.is_empty() {
        let mend = "connect one if posed is to draw; without one, leave the display out of the configuration";
        return vec![Finding::note(
            AREA,
            "no screen: neither /dev/fb* nor /dev/dri/card*".into(),
            Some(mend.into()),
        )];
    }
    let mut findings: Vec<Finding> = framebuffers
        .iter()
        .map(|(name, path)| framebuffer(root, name, open(path)))
        .collect();
    findings.extend(
        cards
            .iter()
            .map(|(name, path)| card(root, name, open(path))),
    );
    if framebuffers.is_empty() {
        let what = "no /dev/fb0: the screen is run by KMS (a DRM driver), which makes a framebuffer only for a screen that is \
                    connected at boot";
        let mend = "draw with `kind = \"drm\"`, which needs none; or connect the screen before starting the board, or add \
                    `video=HDMI-A-1:1280x720@60D` to the kernel's command line (/boot/firmware/cmdline.txt on a Raspberry Pi)";
        findings.push(Finding::note(AREA, what.into(), Some(mend.into())));
    }
    findings
}

fn framebuffer(root: &Path, node: &str, opened: io::Result<()>) -> Finding {
    if let Some(finding) = unopened(node, opened) {
        return finding;
    }
    let attribute = |key: &str| {
        text(
            &root
                .join("sys/class/graphics")
                .join(node.trim_start_matches("/dev/"))
                .join(key),
        )
    };
    let name = attribute("name").unwrap_or_else(|| "unnamed".into());
    let size = attribute("virtual_size").map_or("unknown size".into(), |s| s.replace(',', "x"));
    match attribute("bits_per_pixel").as_deref() {
        Some(bits @ ("16" | "24" | "32")) => {
            Finding::good(AREA, format!("{node} {name}: {size}, {bits} bits a pixel"))
        }
        Some(bits) => {
            let mend = format!("set another depth: `fbset -fb {node} -depth 16`");
            Finding::problem(
                AREA,
                format!("{node} {name}: {size}, {bits} bits a pixel, which posed does not draw"),
                mend,
            )
        }
        None => Finding::note(
            AREA,
            format!("{node} {name}: {size}, its depth is not told in /sys/class/graphics"),
            None,
        ),
    }
}

fn card(root: &Path, node: &str, opened: io::Result<()>) -> Finding {
    if let Some(finding) = unopened(node, opened) {
        return finding;
    }
    let prefix = format!("{}-", node.trim_start_matches("/dev/dri/"));
    let Ok(entries) = std::fs::read_dir(root.join("sys/class/drm")) else {
        return Finding::good(AREA, format!("{node}: KMS card"));
    };
    let connector =
        |name: std::ffi::OsString| Some(name.to_str()?.strip_prefix(&prefix)?.to_string());
    let mut connectors: Vec<String> = entries
        .flatten()
        .filter_map(|e| {
            let name = connector(e.file_name())?;
            let status = text(&e.path().join("status"))?;
            let modes = text(&e.path().join("modes"));
            let best = modes.as_deref().and_then(|modes| modes.lines().next());
            Some(match (status.as_str(), best) {
                ("connected", Some(mode)) => format!("{name} connected ({mode})"),
                ("connected", None) => format!("{name} connected"),
                _ => format!("{name} free"),
            })
        })
        .collect();
    connectors.sort();
    let screens = match connectors.is_empty() {
        true => "no connector for a screen".into(),
        false => connectors.join(", "),
    };
    Finding::good(AREA, format!("{node}: KMS card, {screens}"))
}

fn unopened(node: &str, opened: io::Result<()>) -> Option<Finding> {
    match opened {
        Ok(()) => None,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            Some(Finding::no_permission(AREA, node, "video"))
        }
        Err(e) => {
            let mend = "look at `dmesg | grep -i -e fb -e drm` for the driver's reason";
            Some(Finding::problem(
                AREA,
                format!("{node} cannot be opened: {e}"),
                mend.into(),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Level, fake_root};

    fn panel(bits: &str) -> tempfile::TempDir {
        let base = "sys/class/graphics/fb0";
        fake_root(&[
            ("dev/fb0", ""),
            (&format!("{base}/name"), "fb_ili9341\n"),
            (&format!("{base}/virtual_size"), "320,240\n"),
            (&format!("{base}/bits_per_pixel"), bits),
        ])
    }

    #[test]
    fn a_framebuffer_is_shown_with_size_and_depth() {
        let found = examine(panel("16\n").path(), &try_open);
        assert_eq!(
            found[0].to_string(),
            "screen   ok       /dev/fb0 fb_ili9341: 320x240, 16 bits a pixel"
        );
        assert_eq!(found.len(), 1);
        let odd = &examine(panel("1\n").path(), &try_open)[0];
        assert!(
            odd.level == Level::Problem
                && odd.mend.as_deref().unwrap().contains("fbset -fb /dev/fb0"),
            "{odd}"
        );
        let untold = &examine(fake_root(&[("dev/fb0", "")]).path(), &try_open)[0];
        assert!(
            untold.level == Level::Note && untold.what.contains("unnamed: unknown size"),
            "{untold}"
        );
    }

    #[test]
    fn a_missing_framebuffer_under_kms_is_explained() {
        let root = fake_root(&[
            ("dev/dri/card1", ""),
            ("sys/class/drm/card1-HDMI-A-1/status", "connected\n"),
            (
                "sys/class/drm/card1-HDMI-A-1/modes",
                "1920x1080\n1280x720\n",
            ),
            ("sys/class/drm/card1-HDMI-A-2/status", "disconnected\n"),
        ]);
        let found = examine(root.path(), &try_open);
        assert!(
            found[0].what.ends_with(
                "/dev/dri/card1: KMS card, HDMI-A-1 connected (1920x1080), HDMI-A-2 free"
            ),
            "{}",
            found[0]
        );
        assert!(
            found[1].level == Level::Note && found[1].what.contains("KMS"),
            "{}",
            found[1]
        );
        assert!(found[1].mend.as_deref().unwrap().contains("video=HDMI-A-1"));
        let dark = examine(
            fake_root(&[("dev/dri/card0", ""), ("sys/class/drm/version", "x")]).path(),
            &try_open,
        );
        assert!(dark[0].what.contains("no connector"));
    }

    #[test]
    fn no_screen_is_a_note_and_trouble_has_a_mend() {
        let none = &examine(fake_root(&[]).path(), &try_open)[0];
        assert!(none.level == Level::Note && none.mend.is_some());
        let denied = &examine(panel("16").path(), &|_| {
            Err(io::ErrorKind::PermissionDenied.into())
        })[0];
        assert!(
            denied.level == Level::Problem
                && denied
                    .mend
                    .as_deref()
                    .unwrap()
                    .contains("usermod -aG video"),
            "{denied}"
        );
        let broken = &examine(panel("16").path(), &|_| Err(io::ErrorKind::NotFound.into()))[0];
        assert!(
            broken.level == Level::Problem && broken.mend.as_deref().unwrap().contains("dmesg"),
            "{broken}"
        );
    }
}
