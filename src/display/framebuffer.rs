//! A Linux framebuffer, /dev/fb0 and its like.
//!
//! In: scenes. Out: pixels on the screen. It is drawn in memory first, in the screen's own
//! pixel format, and then copied row by row, so that no half-drawn picture is seen. Source: the
//! kernel's Documentation/fb/api.rst and include/uapi/linux/fb.h.

use super::back::{self, BackBuffer};
use super::canvas::{ColourBits, PixelLayout};
use super::{Display, Scene, Screen};
use crate::device::{Device, no_permission};
use crate::geometry::{Size, Turn};
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use memmap2::{MmapMut, MmapOptions};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All that is known of the kind "framebuffer".
pub const KIND: Kind<Arc<dyn Screen>> = Kind {
    name: "framebuffer",
    says: "a screen's framebuffer, such as /dev/fb0",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Screen>> {
    let device = s
        .path("device", "the screen's device")
        .hint("`posed doctor` lists them")
        .or("/dev/fb0".into());
    let turn = back::read_turn(s);
    Some(Arc::new(FramebufferSettings { device, turn }))
}

/// Which framebuffer.
#[derive(Debug, Clone)]
pub struct FramebufferSettings {
    pub device: PathBuf,
    /// Quarters of a turn clockwise, and whether it is mirrored then.
    pub turn: (u8, bool),
}

impl Device for FramebufferSettings {
    fn claims(&self) -> Vec<String> {
        vec![self.device.display().to_string()]
    }

    fn check(&self) -> Result<(), Trouble> {
        let opened = OpenOptions::new().read(true).write(true).open(&self.device);
        let asked = opened.and_then(|file| query(&file));
        asked.map(drop).map_err(|e| open_error(&self.device, &e))
    }
}

impl Screen for FramebufferSettings {
    fn open(&self) -> Result<Box<dyn Display>, Trouble> {
        let turn = back::upright(self.turn);
        Ok(Box::new(Framebuffer::open(&self.device, turn)?))
    }

    fn advice(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                "nothing",
                "`device`: `cat /proc/fb` lists them, and a desktop hides it",
            ),
            ("the arrow does not point up", "`rotate`"),
            ("words are mirrored", "`mirror`"),
        ]
    }
}

const FBIOGET_VSCREENINFO: u32 = 0x4600;
const FBIOGET_FSCREENINFO: u32 = 0x4602;
/// `FB_TYPE_PACKED_PIXELS`: the bytes of a pixel lie together.
const PACKED_PIXELS: u32 = 0;
/// `FB_VISUAL_TRUECOLOR`: a pixel's value is its colour.
const TRUE_COLOUR: u32 = 2;
/// `FB_VISUAL_DIRECTCOLOR`: the same through tables, which start out straight.
const DIRECT_COLOUR: u32 = 4;

/// `struct fb_bitfield`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct BitField {
    offset: u32,
    length: u32,
    msb_right: u32,
}

/// `struct fb_var_screeninfo`: what can change while the screen is in use. Timing and the like are
/// not looked at.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct VariableInfo {
    width: u32,
    height: u32,
    virtual_width: u32,
    virtual_height: u32,
    x_offset: u32,
    y_offset: u32,
    bits_per_pixel: u32,
    greyscale: u32,
    red: BitField,
    green: BitField,
    blue: BitField,
    transparency: BitField,
    nonstandard: u32,
    rest: [u32; 19],
}

/// `struct fb_fix_screeninfo`: what stays as long as the mode does.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct FixedInfo {
    id: [u8; 16],
    memory_start: libc::c_ulong,
    memory_bytes: u32,
    kind: u32,
    kind_aux: u32,
    visual: u32,
    pan_steps: [u16; 3],
    line_bytes: u32,
    registers_start: libc::c_ulong,
    registers_bytes: u32,
    accelerator: u32,
    capabilities: u16,
    reserved: [u16; 2],
}

// The kernel writes this many bytes into them.
const _: () = assert!(size_of::<VariableInfo>() == 160);
const _: () = assert!(
    size_of::<FixedInfo>()
        == if size_of::<libc::c_ulong>() == 8 {
            80
        } else {
            68
        }
);

/// An open framebuffer.
#[derive(Debug)]
pub struct Framebuffer {
    device: PathBuf,
    file: File,
    info: (VariableInfo, FixedInfo),
    layout: PixelLayout,
    screen: MmapMut,
    turn: Turn,
    back: BackBuffer,
}

impl Framebuffer {
    /// Opens a device such as /dev/fb0 in the mode in which it is; `turn` brings what it shows upright.
    ///
    /// # Errors
    /// Missing, not permitted, no framebuffer, or of a pixel format other than true colour in 16,
    /// 24 or 32 bits.
    pub fn open(device: &Path, turn: Turn) -> Result<Self, Trouble> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(device)
            .map_err(|e| open_error(device, &e))?;
        let info = query(&file).map_err(|e| open_error(device, &e))?;
        let (layout, screen) = map(device, &file, &info)?;
        Ok(Self {
            device: device.to_owned(),
            file,
            info,
            layout,
            screen,
            turn,
            back: BackBuffer::new(layout, turn),
        })
    }

    /// Follows a change of mode or of the visible part of the screen's memory, such as a scrolling
    /// console makes.
    fn follow_mode(&mut self) -> Result<(), Trouble> {
        let info = query(&self.file).map_err(|e| open_error(&self.device, &e))?;
        if info != self.info {
            (self.layout, self.screen) = map(&self.device, &self.file, &info)?;
            self.info = info;
            self.back = BackBuffer::new(self.layout, self.turn);
        }
        Ok(())
    }
}

impl Display for Framebuffer {
    fn show(&mut self, scene: &Scene) -> Result<bool, Trouble> {
        self.follow_mode()?;
        self.back.draw(scene);
        self.layout.copy_rows(self.back.pixels(), &mut self.screen);
        Ok(true)
    }

    fn describe(&self) -> String {
        let device = self.device.display();
        let size = self.layout.size;
        let bits = self.layout.bytes_per_pixel * 8;
        format!("{device}, {size}, {bits} bits a pixel")
    }

    fn clear(&mut self) -> Result<(), Trouble> {
        self.follow_mode()?;
        self.back.blacken();
        self.layout.copy_rows(self.back.pixels(), &mut self.screen);
        Ok(())
    }
}

const OVERLAY: &str = "enable the display's overlay (/boot/firmware/config.txt on a Raspberry Pi), or name another `device`: `ls /dev/fb*`; docs/displays.md tells more";

fn open_error(path: &Path, e: &Error) -> Trouble {
    let device = path.display();
    let gone = matches!(e.raw_os_error(), Some(libc::ENODEV | libc::ENXIO));
    match e.kind() {
        // ENODEV, ENXIO: the node is there, but no driver behind it.
        ErrorKind::NotFound => Trouble::new(format!("{device}: no such device"), OVERLAY),
        _ if gone => Trouble::new(format!("{device}: no such device"), OVERLAY),
        ErrorKind::PermissionDenied => no_permission(path, "video"),
        _ => Trouble::new(
            format!("{device}: cannot be opened as a framebuffer: {e}"),
            "set `device` to a framebuffer, for example /dev/fb0",
        ),
    }
}

fn query(file: &File) -> std::io::Result<(VariableInfo, FixedInfo)> {
    let mut variable = VariableInfo::default();
    let mut fixed = FixedInfo::default();
    let fd = file.as_raw_fd();
    // SAFETY: the kernel writes one struct fb_var_screeninfo, whose layout and size VariableInfo
    // has (asserted above), into a live variable that is borrowed for the call only; any bytes are
    // valid integers. The same holds for FixedInfo below.
    if unsafe { libc::ioctl(fd, FBIOGET_VSCREENINFO as _, &raw mut variable) } < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: as above, with struct fb_fix_screeninfo.
    if unsafe { libc::ioctl(fd, FBIOGET_FSCREENINFO as _, &raw mut fixed) } < 0 {
        return Err(Error::last_os_error());
    }
    Ok((variable, fixed))
}

/// The visible part of the screen's memory.
fn layout(variable: &VariableInfo, fixed: &FixedInfo) -> Result<PixelLayout, String> {
    let colours = [
        variable.red,
        variable.green,
        variable.blue,
        variable.transparency,
    ];
    let bits = variable.bits_per_pixel;
    if !matches!(bits, 16 | 24 | 32) {
        return Err(format!("{bits} bits a pixel are not supported"));
    }
    let true_colour = matches!(fixed.visual, TRUE_COLOUR | DIRECT_COLOUR)
        && variable.greyscale == 0
        && variable.nonstandard == 0;
    if !true_colour
        || fixed.kind != PACKED_PIXELS
        || colours.iter().any(|c| c.length > 0 && c.msb_right != 0)
    {
        return Err("only packed true-colour pixels are supported".into());
    }
    let [red, green, blue, alpha] = colours.map(|c| ColourBits::new(c.offset, c.length));
    let bytes_per_pixel = bits as usize / 8;
    let stride = fixed.line_bytes as usize;
    let start = (variable.y_offset as usize).checked_mul(stride);
    let start = start.and_then(|s| s.checked_add(variable.x_offset as usize * bytes_per_pixel));
    let size = Size::new(variable.width, variable.height);
    start
        .map(|start| PixelLayout {
            size,
            bytes_per_pixel,
            stride,
            start,
            red,
            green,
            blue,
            alpha,
        })
        .filter(|layout| {
            layout
                .bytes()
                .is_some_and(|bytes| bytes <= fixed.memory_bytes as usize)
        })
        .ok_or_else(|| {
            format!(
                "the driver reports {size} pixels that do not lie in its {} bytes",
                fixed.memory_bytes
            )
        })
}

fn map(
    device: &Path,
    file: &File,
    info: &(VariableInfo, FixedInfo),
) -> Result<(PixelLayout, MmapMut), Trouble> {
    let (variable, fixed) = info;
    let name = device.display();
    let layout = layout(variable, fixed).map_err(|problem| {
        Trouble::new(
            format!("{name}: {problem}"),
            format!(
                "set a mode of 16, 24 or 32 bits a pixel, for example `fbset -fb {name} -depth 32`"
            ),
        )
    })?;
    // SAFETY: sysconf reads a constant of the system.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) })
        .unwrap_or(4096)
        .max(1);
    // The kernel maps whole pages: memory that begins inside one is found as far inside the
    // mapping.
    let inside_page = fixed.memory_start as usize % page;
    // SAFETY: the mapping is shared with the screen and perhaps with a console, but it is only
    // written, as plain bytes, and nothing is concluded from what stands in it. The device stays
    // open, and a mapping outlives even its closing.
    let screen = unsafe {
        MmapOptions::new()
            .len(inside_page + fixed.memory_bytes as usize)
            .map_mut(file)
    };
    let screen = screen.map_err(|e| open_error(device, &e))?;
    Ok((
        PixelLayout {
            start: layout.start + inside_page,
            ..layout
        },
        screen,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(offset: u32, length: u32) -> BitField {
        BitField {
            offset,
            length,
            msb_right: 0,
        }
    }

    /// A 480x320 SPI display of the fbtft drivers.
    fn small_display() -> (VariableInfo, FixedInfo) {
        let red = bits(11, 5);
        let green = bits(5, 6);
        let blue = bits(0, 5);
        let variable = VariableInfo {
            width: 480,
            height: 320,
            bits_per_pixel: 16,
            red,
            green,
            blue,
            ..VariableInfo::default()
        };
        let fixed = FixedInfo {
            memory_bytes: 480 * 320 * 2,
            visual: TRUE_COLOUR,
            line_bytes: 960,
            ..FixedInfo::default()
        };
        (variable, fixed)
    }

    #[test]
    fn stride_and_offsets_of_the_driver_are_honoured() {
        let (variable, fixed) = small_display();
        let fixed = FixedInfo {
            line_bytes: 1024,
            memory_bytes: 1024 * 640,
            ..fixed
        };
        let layout = layout(
            &VariableInfo {
                x_offset: 8,
                y_offset: 320,
                ..variable
            },
            &fixed,
        )
        .unwrap();
        assert_eq!(
            (layout.stride, layout.start, layout.size),
            (1024, 320 * 1024 + 16, Size::new(480, 320))
        );
        assert_eq!(layout.tight().bytes(), Some(480 * 320 * 2));
    }

    #[test]
    fn other_pixel_formats_are_refused_with_the_reason() {
        let (variable, fixed) = small_display();
        let refused = |v: VariableInfo, f: FixedInfo| layout(&v, &f).unwrap_err();
        assert!(
            refused(
                VariableInfo {
                    bits_per_pixel: 8,
                    ..variable
                },
                fixed
            )
            .contains("8 bits a pixel")
        );
        assert!(
            refused(variable, FixedInfo { visual: 3, ..fixed }).contains("true-colour"),
            "a palette"
        );
        assert!(
            refused(
                VariableInfo {
                    greyscale: 1,
                    ..variable
                },
                fixed
            )
            .contains("true-colour")
        );
        assert!(
            refused(
                VariableInfo {
                    y_offset: 1,
                    ..variable
                },
                fixed
            )
            .contains("do not lie in")
        );
        assert!(
            refused(
                VariableInfo {
                    y_offset: u32::MAX,
                    ..variable
                },
                fixed
            )
            .contains("do not lie in")
        );
        assert!(
            refused(
                VariableInfo {
                    width: 0,
                    ..variable
                },
                fixed
            )
            .contains("do not lie in")
        );
        assert!(layout(&variable, &fixed).is_ok());
    }

    #[test]
    fn what_is_no_framebuffer_is_told_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = Framebuffer::open(file.path(), Turn::NONE)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("cannot be opened as a framebuffer") && text.contains("/dev/fb0"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_device_and_a_missing_right_name_their_mend() {
        let text = |kind| open_error(Path::new("/dev/fb0"), &Error::from(kind)).to_string();
        assert!(text(ErrorKind::NotFound).contains("overlay"));
        assert!(text(ErrorKind::PermissionDenied).contains("group video"));
        assert!(
            open_error(
                Path::new("/dev/fb0"),
                &Error::from_raw_os_error(libc::ENODEV)
            )
            .to_string()
            .contains("overlay")
        );
    }
}
