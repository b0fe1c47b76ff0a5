//! The script of a synthetic source.
//!
//! In: lines such as `frames 30` or `stall 4`. Out: [`Step`]s, or an error that lists what can be
//! written.

use crate::geometry::Size;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One thing that a synthetic source does; numbers of frames are counts, times are seconds in the
/// script.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `frames N`: a moving gradient as YUYV.
    Frames(u64),
    /// `photo PATH N`: that photo's picture scaled to the source's size, as YUYV.
    Photo { path: Arc<Path>, count: u64 },
    /// `blank N`: flat grey.
    Blank(u64),
    /// `stall SECONDS`: nothing comes for so long, then the source goes on as if nothing had been.
    Stall(Duration),
    /// `vanish SECONDS`: the camera is lost, cannot be opened for so long, and goes on with the
    /// step after when opened again.
    Vanish(Duration),
    /// `resize WxH`: frames have another size from now on.
    Resize(Size),
    /// `mjpeg N`: good JPEG frames.
    Mjpeg(u64),
    /// `truncated_mjpeg N`: JPEG frames cut in the middle.
    TruncatedMjpeg(u64),
    /// `short N`: YUYV frames with too few bytes.
    Short(u64),
    /// `end`: the source ends.
    End,
    /// `loop`: back to the first step.
    Loop,
}

/// A line of a script that is no step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no step of a script; write one of: frames N, photo PATH N, blank N, stall SECONDS, vanish SECONDS, resize WxH, \
     mjpeg N, truncated_mjpeg N, short N, end, loop"
)]
pub struct BadStep(String);

impl Step {
    /// Reads one step.
    ///
    /// ```
    /// # use posed::capture::Step;
    /// assert_eq!(Step::parse("frames 30"), Ok(Step::Frames(30)));
    /// ```
    ///
    /// # Errors
    /// [`BadStep`], whose text lists all steps.
    pub fn parse(text: &str) -> Result<Self, BadStep> {
        parse(text.trim()).ok_or_else(|| BadStep(text.into()))
    }
}

fn parse(text: &str) -> Option<Step> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    let count = || rest.parse().ok();
    let seconds = || Duration::try_from_secs_f64(rest.parse().ok()?).ok();
    Some(match verb {
        "frames" => Step::Frames(count()?),
        "photo" => {
            let (path, count) = rest.rsplit_once(' ')?;
            Step::Photo {
                path: Arc::from(Path::new(path.trim())),
                count: count.parse().ok()?,
            }
        }
        "blank" => Step::Blank(count()?),
        "stall" => Step::Stall(seconds()?),
        "vanish" => Step::Vanish(seconds()?),
        "resize" => {
            let (w, h) = rest.split_once('x')?;
            Step::Resize(Size::new(w.parse().ok()?, h.parse().ok()?))
        }
        "mjpeg" => Step::Mjpeg(count()?),
        "truncated_mjpeg" => Step::TruncatedMjpeg(count()?),
        "short" => Step::Short(count()?),
        "end" if rest.is_empty() => Step::End,
        "loop" if rest.is_empty() => Step::Loop,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_as_they_are_written() {
        let photo = Step::Photo {
            path: Arc::from(Path::new("a dir/b.jpg")),
            count: 3,
        };
        assert_eq!(Step::parse("photo a dir/b.jpg 3"), Ok(photo));
        assert_eq!(
            Step::parse(" stall 0.5 "),
            Ok(Step::Stall(Duration::from_millis(500)))
        );
        assert_eq!(
            Step::parse("resize 320x240"),
            Ok(Step::Resize(Size::new(320, 240)))
        );
        assert_eq!(Step::parse("loop"), Ok(Step::Loop));
    }

    #[test]
    fn anything_else_lists_the_steps() {
        for bad in [
            "",
            "frame 3",
            "frames",
            "frames -1",
            "stall -1",
            "stall inf",
            "photo x",
            "resize 3",
            "end 3",
        ] {
            assert!(
                Step::parse(bad)
                    .unwrap_err()
                    .to_string()
                    .contains("truncated_mjpeg N"),
                "{bad}"
            );
        }
    }
}
