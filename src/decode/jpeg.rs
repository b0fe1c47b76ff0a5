//! JPEGs to RGB by libjpeg-turbo, whose NEON and AVX2 code decodes a webcam's pictures in two thirds
//! of the instructions that the Rust decoders take (docs/performance-arm.md), and which reads what
//! cameras leave out: Huffman tables (the standard's are taken, ITU T.81 annex K), scans that come one
//! a component.
//!
//! In: the bytes of a file. Out: all of its picture, or an error: where the library only warns, the
//! picture is broken. What lies behind its end mark is not looked at.

use super::header::Header;
use super::{DecodeError, MAX_SIDE_PX};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;
use turbojpeg_sys as raw;

/// So many bytes between the last block and the end mark belong to no picture, yet cameras write
/// them; more are what is left of a damaged scan.
const MOST_EXTRANEOUS_BYTES: u32 = 16;

/// A progressive picture has ten scans or so; one of thousands is made to keep us busy.
const MOST_SCANS: c_int = 100;

/// What a picture of several scans may take beside its pixels, in MB: 8192 x 8192 need 400.
const MOST_MEMORY_MB: c_int = 512;

/// libjpeg-turbo's decompressor. It keeps its tables from one picture to the next.
pub(super) struct Jpeg {
    handle: NonNull<std::ffi::c_void>,
    /// Room for a picture in cyan, magenta, yellow and black.
    cmyk: Vec<u8>,
}

// SAFETY: the library keeps all state behind the handle, which nobody else has.
unsafe impl Send for Jpeg {}

impl Jpeg {
    pub(super) fn new() -> Result<Self, DecodeError> {
        // SAFETY: takes no pointers; gives null where memory is short.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS as c_int) };
        let handle = NonNull::new(handle)
            .ok_or_else(|| DecodeError::Jpeg("no memory for a decoder".into()))?;
        let jpeg = Self {
            handle,
            cmyk: Vec::new(),
        };
        for (parameter, value) in [
            (raw::TJPARAM_TJPARAM_STOPONWARNING, 1),
            (raw::TJPARAM_TJPARAM_SCANLIMIT, MOST_SCANS),
            (raw::TJPARAM_TJPARAM_MAXMEMORY, MOST_MEMORY_MB),
        ] {
            // SAFETY: the handle is a decompressor's, and both parameters are its own.
            jpeg.check(unsafe { raw::tj3Set(jpeg.handle(), parameter as c_int, value) })?;
        }
        Ok(jpeg)
    }

    fn handle(&self) -> raw::tjhandle {
        self.handle.as_ptr()
    }

    /// Decodes `bytes` into `frame`, upright if the file says how it is turned.
    pub(super) fn decode(&mut self, bytes: &[u8], frame: &mut Frame) -> Result<(), DecodeError> {
        let header = Header::read(bytes).ok_or_else(|| match bytes {
            [0xff, 0xd8] | [0xff, 0xd8, 0xff, ..] => DecodeError::Truncated,
            _ => DecodeError::Jpeg("no start mark".into()),
        })?;
        let Size { width, height } = header.size;
        if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
            return Err(DecodeError::TooLarge(header.size));
        }
        // SAFETY: `bytes` are as many as is said.
        self.check(unsafe {
            raw::tj3DecompressHeader(self.handle(), bytes.as_ptr(), bytes.len() as _)
        })?;
        let told = |parameter| {
            // SAFETY: the handle is a decompressor's that has read a header.
            unsafe { raw::tj3Get(self.handle(), parameter as c_int) }
        };
        let found = [
            told(raw::TJPARAM_TJPARAM_JPEGWIDTH),
            told(raw::TJPARAM_TJPARAM_JPEGHEIGHT),
        ];
        if found != [width as c_int, height as c_int] || width == 0 || height == 0 {
            return Err(DecodeError::Jpeg("two sizes in its header".into()));
        }
        let space = told(raw::TJPARAM_TJPARAM_COLORSPACE) as u32;
        let pixels = width as usize * height as usize;
        frame.set_shape(header.size, PixelFormat::Rgb);
        frame.data.resize(3 * pixels, 0);
        let decoded = if space == raw::TJCS_TJCS_CMYK || space == raw::TJCS_TJCS_YCCK {
            let mut cmyk = std::mem::take(&mut self.cmyk);
            cmyk.resize(4 * pixels, 0);
            let decoded = self.pixels(bytes, &mut cmyk, raw::TJPF_TJPF_CMYK);
            to_rgb(&cmyk, &mut frame.data);
            self.cmyk = cmyk;
            decoded
        } else {
            self.pixels(bytes, &mut frame.data, raw::TJPF_TJPF_RGB)
        };
        match decoded {
            Err(DecodeError::Jpeg(said)) if header.sequential && is_whole(&said) => {}
            other => other?,
        }
        frame.turn(header.turn);
        Ok(())
    }

    /// Decodes the picture of which the header was read, in `format`, with nothing between rows.
    fn pixels(&self, bytes: &[u8], out: &mut [u8], format: raw::TJPF) -> Result<(), DecodeError> {
        // SAFETY: `bytes` are as many as is said, and `out` has room for the picture that
        // `tj3DecompressHeader` found in them: the caller compared the sizes; 0 is the pitch of rows
        // with nothing between.
        self.check(unsafe {
            raw::tj3Decompress8(
                self.handle(),
                bytes.as_ptr(),
                bytes.len() as _,
                out.as_mut_ptr(),
                0,
                format as c_int,
            )
        })
    }

    fn check(&self, result: c_int) -> Result<(), DecodeError> {
        if result == 0 {
            return Ok(());
        }
        // SAFETY: the library gives a C string that stands until its next call with this handle.
        let said = unsafe { CStr::from_ptr(raw::tj3GetErrorStr(self.handle())) };
        let said = said.to_string_lossy();
        Err(match said.contains("remature end") {
            true => DecodeError::Truncated,
            false => DecodeError::Jpeg(said.trim_start_matches("Corrupt JPEG data: ").into()),
        })
    }
}

impl Drop for Jpeg {
    fn drop(&mut self) {
        // SAFETY: the handle is the one that `tj3Init` gave, and is used no more.
        unsafe { raw::tj3Destroy(self.handle()) };
    }
}

/// Whether a warning came behind the last row of a picture that is all there: "2 extraneous bytes
/// before marker 0xd9".
fn is_whole(said: &str) -> bool {
    said.split_once(" extraneous bytes before marker 0xd9")
        .and_then(|(count, _)| count.parse().ok())
        .is_some_and(|count: u32| count <= MOST_EXTRANEOUS_BYTES)
}

/// Adobe's inverted cyan, magenta, yellow and black, as every JPEG of four colours has them.
fn to_rgb(cmyk: &[u8], rgb: &mut [u8]) {
    for (&[c, m, y, k], rgb) in cmyk.as_chunks().0.iter().zip(rgb.as_chunks_mut().0) {
        *rgb = [c, m, y].map(|ink| ((u16::from(ink) * u16::from(k) + 127) / 255) as u8);
    }
}
