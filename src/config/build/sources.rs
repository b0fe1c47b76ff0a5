//! Where pictures come from and how people are found in them: [source] and [find].

use super::Check;
use crate::capture::{SourceSettings, Step};
use crate::config::file;
use crate::find::{FindSettings, FinderKind};
use crate::frame::PixelFormat;
use crate::geometry::{Rect, Size};

pub(super) fn source(check: &mut Check, section: Option<file::Source>) -> Option<SourceSettings> {
    let s = check.needed("source", section)?;
    let before = check.faults.len();
    let fps = s
        .fps
        .map(|v| check.within("source.fps", Some(v), 0.5, 240.0, 30.0));
    let given = |keys: &[&'static str]| -> Vec<(&'static str, bool)> {
        let is_given = |k: &str| match k {
            "device" => s.device.is_some(),
            "path" => s.path.is_some(),
            "width" => s.width.is_some(),
            "height" => s.height.is_some(),
            "fps" => s.fps.is_some(),
            "format" => s.format.is_some(),
            "repeat" => s.repeat.is_some(),
            _ => s.script.is_some(),
        };
        keys.iter().map(|k| (*k, is_given(k))).collect()
    };
    let settings = match s.kind.as_str() {
        "v4l2" => {
            check.unused("source", "v4l2", &given(&["path", "repeat", "script"]));
            let format = s.format.as_deref().and_then(|f| match f {
                "yuyv" => Some(PixelFormat::Yuyv),
                "nv12" => Some(PixelFormat::Nv12),
                "mjpeg" => Some(PixelFormat::Mjpeg),
                _ => {
                    check.fault("source.format", format!("there is no format {f:?}"));
                    None
                }
            });
            Some(SourceSettings::V4l2 {
                device: s.device.clone().unwrap_or_else(|| "/dev/video0".into()),
                size: picture_size(check, &s),
                fps,
                format,
            })
        }
        "photo" => {
            check.unused(
                "source",
                "photo",
                &given(&["device", "width", "height", "format", "repeat", "script"]),
            );
            check
                .needed("source.path", s.path.clone())
                .map(|path| SourceSettings::Photo {
                    path,
                    fps: fps.unwrap_or(10.0),
                })
        }
        "clip" => {
            check.unused(
                "source",
                "clip",
                &given(&["device", "width", "height", "fps", "format", "script"]),
            );
            let repeat = s.repeat.unwrap_or(false);
            check
                .needed("source.path", s.path.clone())
                .map(|path| SourceSettings::Clip { path, repeat })
        }
        "stdin" => {
            check.unused(
                "source",
                "stdin",
                &given(&["device", "path", "format", "repeat", "script"]),
            );
            Some(SourceSettings::Stdin {
                size: picture_size(check, &s),
                fps: fps.unwrap_or(30.0),
            })
        }
        "synthetic" => {
            check.unused(
                "source",
                "synthetic",
                &given(&["device", "path", "format", "repeat"]),
            );
            let script = s
                .script
                .iter()
                .flatten()
                .filter_map(|text| step(check, text))
                .collect();
            Some(SourceSettings::Synthetic {
                script,
                size: picture_size(check, &s).unwrap_or(Size::new(640, 480)),
                fps: fps.unwrap_or(30.0),
            })
        }
        other => {
            check.fault("source.kind", format!("there is no kind {other:?}"));
            None
        }
    };
    if let Some(path) = s.path.filter(|p| !p.exists()) {
        check.fault("source.path", format!("{} does not exist", path.display()));
    }
    settings.filter(|_| check.faults.len() == before)
}

/// Width and height, which go together.
fn picture_size(check: &mut Check, s: &file::Source) -> Option<Size> {
    match (s.width, s.height) {
        (Some(w), Some(h)) => {
            let width = check.within("source.width", Some(w), 16, 8192, 640);
            Some(Size::new(
                width,
                check.within("source.height", Some(h), 16, 8192, 480),
            ))
        }
        (None, None) => None,
        (w, _) => {
            let missing = if w.is_none() {
                "source.width"
            } else {
                "source.height"
            };
            check.fault(missing, "is missing: width and height go together");
            None
        }
    }
}

fn step(check: &mut Check, text: &str) -> Option<Step> {
    match Step::parse(text) {
        Ok(Step::Photo { path, .. }) if !path.exists() => {
            check.fault(
                "source.script",
                format!("{text:?}: {} does not exist", path.display()),
            );
            None
        }
        Ok(step) => Some(step),
        Err(e) => {
            check.fault("source.script", e.to_string());
            None
        }
    }
}

pub(super) fn find(check: &mut Check, f: &file::Find) -> FindSettings {
    let boxes: Vec<Rect> = f
        .boxes
        .iter()
        .flatten()
        .map(|[x, y, w, h]| Rect::new(*x, *y, *w, *h))
        .collect();
    if boxes.iter().any(|b| !b.is_sound()) {
        check.fault("find.boxes", "a box has no width or height");
    }
    let kind = f
        .kind
        .as_deref()
        .unwrap_or(if boxes.is_empty() { "windows" } else { "given" });
    if !boxes.is_empty() && kind != "given" {
        check.fault("find.boxes", format!("has no meaning with kind = {kind:?}"));
    }
    let kind = match kind {
        "windows" => FinderKind::Windows,
        "whole_frame" => FinderKind::WholeFrame,
        "given" => {
            if boxes.is_empty() {
                check.fault("find.boxes", "is missing, and kind = \"given\" needs it");
            }
            FinderKind::Given(boxes)
        }
        other => {
            check.fault("find.kind", format!("there is no kind {other:?}"));
            FinderKind::Windows
        }
    };
    let acquire_score = check.within("find.acquire_score", f.acquire_score, 0.05, 0.95, 0.35);
    FindSettings {
        kind,
        smallest: check.within("find.smallest", f.smallest, 0.1, 1.0, 0.45),
        acquire_score,
        keep_score: check.within(
            "find.keep_score",
            f.keep_score,
            0.01,
            acquire_score,
            acquire_score * 0.6,
        ),
        look_again: check.seconds("find.look_again_s", f.look_again_s, 0.1, 3600.0, 2.0),
    }
}
