//! What a video device is and offers.
//!
//! In: an open device or its path. Out: a report for `posed doctor`, and the offers from which a
//! source chooses.

use super::choose::{Offer, Sizes, is_bayer};
use crate::geometry::Size;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use v4l::Device;
use v4l::capability::Flags;
use v4l::framesize::FrameSizeEnum;
use v4l::v4l_sys::v4l2_capability;
use v4l::v4l2::{ioctl, vidioc};
use v4l::video::Capture;

/// What `posed doctor` says of a video device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceReport {
    /// The camera's name, such as `HD Pro Webcam C920`.
    pub card: String,
    /// The kernel driver, such as `uvcvideo`.
    pub driver: String,
    /// Each pixel format by its four letters, with its sizes; of a range of sizes the smallest and
    /// the largest.
    pub formats: Vec<(String, Vec<Size>)>,
    /// Whether frames can be read: one camera often has further nodes for metadata.
    pub is_capture: bool,
    /// Whether it only gives raw Bayer mosaics, as a CSI camera of a Raspberry Pi does.
    pub bayer_only: bool,
    /// Whether it is a camera whose frames come in buffers of several planes
    /// (V4L2_CAP_VIDEO_CAPTURE_MPLANE), which the crate v4l does not read.
    pub multi_planar: bool,
}

/// The way round for a device of several planes.
pub const MULTI_PLANAR_MEND: &str = "let GStreamer read it, with kind = \"command\" and argv = [\"gst-launch-1.0\", \"-q\", \"v4l2src\", \"device=/dev/videoN\", \"!\", \"videoconvert\", \"!\", \"y4menc\", \"!\", \"fdsink\"] (packages gstreamer1.0-tools, gstreamer1.0-plugins-good and -bad)";

/// The parts of a Raspberry Pi 5's image processor, which are of several planes and no cameras.
const NO_CAMERA: &str = "pispbe";

/// Asks a device what it is and offers; changes nothing.
///
/// # Errors
/// It cannot be opened or is no video device.
pub fn describe_device(path: &Path) -> io::Result<DeviceReport> {
    let device = open_device(path)?;
    let (driver, card, flags) = capabilities(&device)?;
    let is_capture = flags.contains(Flags::VIDEO_CAPTURE);
    let offers = if is_capture {
        offers(&device)?
    } else {
        Vec::new()
    };
    let bayer_only = is_bayer_only(&driver, &offers);
    let multi_planar = flags.contains(Flags::VIDEO_CAPTURE_MPLANE) && driver != NO_CAMERA;
    let sizes = |o: &Offer| {
        o.sizes
            .iter()
            .flat_map(|s| {
                if s.min == s.max {
                    vec![s.min]
                } else {
                    vec![s.min, s.max]
                }
            })
            .collect()
    };
    let formats = offers
        .iter()
        .map(|o| (o.fourcc.escape_ascii().to_string(), sizes(o)))
        .collect();
    Ok(DeviceReport {
        card,
        driver,
        formats,
        is_capture,
        bayer_only,
        multi_planar,
    })
}

/// Whether the node gives nothing but raw sensor data. The Pi 5's rp1-cfe lists every format there
/// is, whatever its sensor can do.
pub(super) fn is_bayer_only(driver: &str, offers: &[Offer]) -> bool {
    driver == "rp1-cfe" || (!offers.is_empty() && offers.iter().all(|o| is_bayer(o.fourcc)))
}

pub(super) fn open_device(path: &Path) -> io::Result<Device> {
    if path.as_os_str().as_bytes().contains(&0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path holds a zero byte",
        )); // v4l panics on it
    }
    Device::with_path(path)
}

/// Driver, card and flags. Not through [`Device::query_caps`], which panics on a camera whose name
/// is no UTF-8 (a long one is cut after 31 bytes, if need be in the middle of a character).
pub(super) fn capabilities(device: &Device) -> io::Result<(String, String, Flags)> {
    // SAFETY: all-zero is a valid v4l2_capability: it holds numbers only.
    let mut found: v4l2_capability = unsafe { std::mem::zeroed() };
    // SAFETY: VIDIOC_QUERYCAP writes one v4l2_capability to the pointer, which is valid for the
    // call.
    unsafe {
        ioctl(
            device.handle().fd(),
            vidioc::VIDIOC_QUERYCAP,
            (&raw mut found).cast(),
        )
    }?;
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes.split(|&b| b == 0).next().unwrap_or(&[])).into_owned()
    };
    Ok((
        text(&found.driver),
        text(&found.card),
        Flags::from(found.device_caps),
    ))
}

/// All pixel formats with their sizes.
pub(super) fn offers(device: &Device) -> io::Result<Vec<Offer>> {
    let formats = device.enum_formats()?;
    Ok(formats
        .into_iter()
        .map(|f| Offer {
            fourcc: f.fourcc.repr,
            sizes: sizes(device, f.fourcc),
        })
        .collect())
}

fn sizes(device: &Device, fourcc: v4l::FourCC) -> Vec<Sizes> {
    // Not every driver tells its sizes; that is no error.
    let found = device.enum_framesizes(fourcc).unwrap_or_default();
    found
        .into_iter()
        .map(|f| match f.size {
            FrameSizeEnum::Discrete(d) => Sizes::one(Size::new(d.width, d.height)),
            FrameSizeEnum::Stepwise(s) => Sizes {
                min: Size::new(s.min_width, s.min_height),
                max: Size::new(s.max_width, s.max_height),
                step: Size::new(s.step_width, s.step_height),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_video_device_is_an_error() {
        for path in ["/dev/null", "/dev/video-none", "Cargo.toml", "a\0b"] {
            assert!(describe_device(Path::new(path)).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_raw_sensor_is_told_by_its_formats_or_its_driver() {
        let offer = |f: &[u8; 4]| Offer {
            fourcc: *f,
            sizes: vec![],
        };
        assert!(is_bayer_only("unicam", &[offer(b"pRAA"), offer(b"RG10")]));
        assert!(is_bayer_only("rp1-cfe", &[offer(b"YUYV")]));
        assert!(!is_bayer_only(
            "uvcvideo",
            &[offer(b"YUYV"), offer(b"RG10")]
        ));
        assert!(!is_bayer_only("uvcvideo", &[]));
    }
}
