//! Cameras: the nodes /dev/video*, what they are and whether posed can read them.
//!
//! In: the root of the system and a function that asks a node what it is. Out: findings.

use super::{Finding, numbered};
use crate::capture::v4l2::{DeviceReport, MULTI_PLANAR_MEND, READABLE};
use crate::geometry::Size;
use std::io;
use std::path::Path;

const AREA: &str = "camera";

/// Looks at every video node.
pub fn examine(root: &Path, query: &dyn Fn(&Path) -> io::Result<DeviceReport>) -> Vec<Finding> {
    let nodes = numbered(root, "dev", "video");
    if nodes.is_empty() {
        let mend = "plug in a USB camera and look at `dmesg | tail`; for a ribbon-cable camera check the cable and \
                    `rpicam-hello --list-cameras`";
        return vec![Finding::problem(
            AREA,
            "no camera: there is no /dev/video*".into(),
            mend.into(),
        )];
    }
    let mut findings: Vec<Finding> = nodes
        .iter()
        .filter_map(|(name, path)| node(name, query(path)))
        .collect();
    if findings.is_empty() {
        let names: Vec<&str> = nodes.iter().map(|(name, _)| name.as_str()).collect();
        let what = format!(
            "no camera: {} {} no pictures",
            names.join(", "),
            if names.len() == 1 { "gives" } else { "give" }
        );
        let mend = "these are the board's codecs: plug in a USB camera, or use `rpicam-vid -t 0 --codec yuv420 -o - | posed run --source -`";
        findings.push(Finding::problem(AREA, what, mend.into()));
    }
    findings
}

/// `None` for a node that is no camera at all: boards have many beside one camera.
fn node(name: &str, answer: io::Result<DeviceReport>) -> Option<Finding> {
    let facts = match answer {
        Ok(facts) if !facts.is_capture && !facts.multi_planar => return None,
        Ok(facts) => facts,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            return Some(Finding::no_permission(AREA, name, "video"));
        }
        Err(e) => {
            let mend = format!(
                "unplug the camera and plug it in again; `fuser -v {name}` shows whether another program holds it"
            );
            return Some(Finding::problem(
                AREA,
                format!("{name} does not answer: {e}"),
                mend,
            ));
        }
    };
    let title = format!("{name} {} ({})", facts.card, facts.driver);
    if facts.multi_planar {
        let what = format!(
            "{title}: a multi-planar capture device (V4L2_CAP_VIDEO_CAPTURE_MPLANE), which posed does not read itself"
        );
        let mend = MULTI_PLANAR_MEND.replace("/dev/videoN", name);
        return Some(Finding::problem(AREA, what, mend));
    }
    if facts.bayer_only {
        let mend = "run `libcamerify posed run …`, or `rpicam-vid -t 0 --codec yuv420 -o - | posed run --source -`";
        return Some(Finding::problem(
            AREA,
            format!("{title}: gives only raw Bayer data, no pictures"),
            mend.into(),
        ));
    }
    Some(pictures(name, &title, &facts.formats))
}

/// What a camera gives that posed reads.
fn pictures(name: &str, title: &str, all: &[(String, Vec<Size>)]) -> Finding {
    let (readable, others): (Vec<_>, Vec<_>) = all
        .iter()
        .map(|(fourcc, sizes)| (fourcc.trim(), sizes))
        .partition(|(fourcc, _)| READABLE.iter().any(|(read, _)| read == fourcc));
    if readable.is_empty() {
        let found: Vec<&str> = others.iter().map(|(fourcc, _)| *fourcc).collect();
        let found = if found.is_empty() {
            "none".into()
        } else {
            found.join(", ")
        };
        let what = format!(
            "{title}: gives no format that posed reads (found {found}; wanted {})",
            READABLE.map(|(fourcc, _)| fourcc).join(", ")
        );
        let mend = format!(
            "convert it: `ffmpeg -i {name} -f yuv4mpegpipe -pix_fmt yuv420p - | posed run --source -`"
        );
        return Finding::problem(AREA, what, mend);
    }
    let formats: Vec<String> = readable.iter().map(|(f, sizes)| format(f, sizes)).collect();
    let others = match others.len() {
        0 => String::new(),
        n => format!(", and {n} formats that posed does not read"),
    };
    Finding::good(AREA, format!("{title}: {}{others}", formats.join(", ")))
}

fn format(fourcc: &str, sizes: &[Size]) -> String {
    match sizes
        .iter()
        .max_by_key(|s| u64::from(s.width) * u64::from(s.height))
    {
        Some(largest) => format!("{fourcc} up to {largest}"),
        None => fourcc.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Level, fake_root};

    fn webcam() -> DeviceReport {
        let sizes = vec![Size::new(640, 480), Size::new(1280, 720)];
        let formats = vec![("MJPG".into(), sizes), ("YUYV".into(), vec![])];
        DeviceReport {
            card: "HD Webcam".into(),
            driver: "uvcvideo".into(),
            formats,
            is_capture: true,
            bayer_only: false,
            multi_planar: false,
        }
    }

    fn with(answer: &dyn Fn(&Path) -> io::Result<DeviceReport>) -> Vec<Finding> {
        examine(fake_root(&[("dev/video0", "")]).path(), answer)
    }

    #[test]
    fn a_webcam_is_shown_with_its_formats() {
        let found = with(&|_| Ok(webcam()));
        assert_eq!(
            found[0].to_string(),
            "camera   ok       /dev/video0 HD Webcam (uvcvideo): MJPG up to 1280x720, YUYV"
        );
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn nodes_come_in_the_order_of_their_numbers_and_codecs_are_passed_over() {
        let root = fake_root(&[
            ("dev/video10", ""),
            ("dev/video2", ""),
            ("dev/video0", ""),
            ("dev/videofoo", ""),
        ]);
        let found = examine(root.path(), &|p| {
            Ok(DeviceReport {
                is_capture: !p.ends_with("dev/video0"),
                ..webcam()
            })
        });
        assert!(
            found[0].what.starts_with("/dev/video2 ") && found[1].what.starts_with("/dev/video10 "),
            "{found:?}"
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_bayer_node_names_both_ways_round_it() {
        let found = &with(&|_| {
            Ok(DeviceReport {
                bayer_only: true,
                formats: vec![("pBAA".into(), vec![])],
                ..webcam()
            })
        })[0];
        let mend = found.mend.as_deref().unwrap();
        assert!(found.what.contains("Bayer") && found.level == Level::Problem);
        assert!(
            mend.contains("libcamerify posed run")
                && mend.contains("rpicam-vid -t 0 --codec yuv420 -o - | posed run --source -")
        );
    }

    #[test]
    fn every_other_trouble_has_its_own_mend() {
        let check = |found: Vec<Finding>, what: &str, mend: &str| {
            assert!(
                found.len() == 1 && found[0].level == Level::Problem,
                "{found:?}"
            );
            assert!(
                found[0].what.contains(what) && found[0].mend.as_deref().unwrap().contains(mend),
                "{found:?}"
            );
        };
        check(
            examine(fake_root(&[]).path(), &|_| Ok(webcam())),
            "no /dev/video*",
            "rpicam-hello",
        );
        check(
            with(&|_| Err(io::ErrorKind::PermissionDenied.into())),
            "/dev/video0 may not be opened",
            "usermod -aG video",
        );
        check(
            with(&|_| Err(io::ErrorKind::TimedOut.into())),
            "/dev/video0 does not answer",
            "fuser -v /dev/video0",
        );
        check(
            with(&|_| {
                Ok(DeviceReport {
                    is_capture: false,
                    ..webcam()
                })
            }),
            "/dev/video0 gives no pictures",
            "USB camera",
        );
        check(
            with(&|_| {
                Ok(DeviceReport {
                    is_capture: false,
                    multi_planar: true,
                    ..webcam()
                })
            }),
            "multi-planar",
            "device=/dev/video0",
        );
        let h264 = DeviceReport {
            formats: vec![("H264".into(), vec![])],
            ..webcam()
        };
        check(
            with(&|_| Ok(h264.clone())),
            "found H264",
            "ffmpeg -i /dev/video0",
        );
    }
}
