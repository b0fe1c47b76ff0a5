//! A screen that is driven by us.
//!
//! In: what is drawn. Out: two dumb buffers in turn, shown by page flips; where the driver sends pixels
//! over a bus, and little has changed, only that.

use super::DrmSettings;
use super::card::Card;
use crate::display::RGB565;
use crate::display::back::BackBuffer;
use crate::display::canvas::{ColourBits, PixelLayout};
use crate::geometry::Size;
use crate::trouble::Trouble;
use ::drm::Device as _;
use ::drm::buffer::{Buffer, DrmFourcc};
use ::drm::control::dumbbuffer::DumbBuffer;
use ::drm::control::{
    ClipRect, Device as _, Event, Mode, ModeTypeFlags, PageFlipFlags, connector, crtc, framebuffer,
};
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a page flip may take: three frames of a slow screen.
const FLIP: Duration = Duration::from_millis(150);
/// Pieces that are told of at once; the kernel takes 256.
const MOST_CLIPS: usize = 200;
/// Pixels of a mode that is taken unasked: on a small board more cost more than they show.
const LARGEST: u64 = 1920 * 1080;

/// One of the two pictures that are shown in turn.
#[derive(Debug)]
struct Page {
    buffer: DumbBuffer,
    framebuffer: framebuffer::Handle,
    /// Rows of it that are not as they are drawn.
    stale: Vec<bool>,
}

/// A screen that is driven by us.
#[derive(Debug)]
pub(super) struct Driven {
    card: Card,
    connector: connector::Handle,
    pub name: String,
    crtc: crtc::Handle,
    pub mode: Mode,
    pages: [Page; 2],
    /// The page that is on the screen.
    front: usize,
    /// The driver sends pixels over a bus, and sends those that it is told have changed.
    takes_damage: bool,
    /// A flip was asked for and has not happened yet.
    flipping: bool,
}

impl Driven {
    /// Takes the screen that is wanted; `None` where none is plugged in.
    pub fn start(settings: &DrmSettings) -> Result<Option<Self>, Trouble> {
        for path in settings.cards()? {
            // A card that may not be opened is told of where it is the one that is named.
            let card = match Card::open(&path) {
                Ok(card) => card,
                Err(e) if settings.device.is_some() => return Err(e),
                Err(_) => continue,
            };
            if let Some(info) = card.connected(settings.connector.as_deref()) {
                return Self::on(card, &path, &info, settings).map(Some);
            }
        }
        Ok(None)
    }

    fn on(
        card: Card,
        path: &Path,
        info: &connector::Info,
        settings: &DrmSettings,
    ) -> Result<Self, Trouble> {
        let name = info.to_string();
        let place = format!("{}, {name}", path.display());
        let mode = mode(info, settings.mode)
            .map_err(|e| Trouble::new(format!("{place}: {}", e.what), e.mend))?;
        let crtc = card.crtc(info).ok_or_else(|| {
            Trouble::new(
                format!("{place}: nothing is left to drive it"),
                "unplug another screen",
            )
        })?;
        let refused = |what: &str, e: &Error| {
            let mend = match e.raw_os_error() {
                Some(libc::EACCES | libc::EPERM | libc::EBUSY) => {
                    "another program has the screen, perhaps a desktop: boot to the console (`sudo systemctl set-default multi-user.target`)"
                }
                Some(libc::ENOMEM | libc::ENOSPC) => "set a smaller `mode`, or `bits = 16`",
                Some(libc::EINVAL) if settings.bits == 16 => {
                    "the driver may have no pictures of 16 bits a pixel: remove `bits`"
                }
                _ => "try another `mode`; `dmesg | grep drm` has the driver's reason",
            };
            Trouble::new(format!("{place}: {what}: {e}"), mend)
        };
        // The first that opens a card has the right to drive it already; after a console's it is asked for.
        let _ = card.acquire_master_lock();
        let (format, depth) = match settings.bits {
            16 => (DrmFourcc::Rgb565, 16),
            _ => (DrmFourcc::Xrgb8888, 24),
        };
        let (width, height) = mode.size();
        let page = || {
            let size = (width.into(), height.into());
            let mut buffer = card.create_dumb_buffer(size, format, settings.bits)?;
            card.map_dumb_buffer(&mut buffer)?.fill(0);
            let framebuffer = card.add_framebuffer(&buffer, depth, settings.bits)?;
            let stale = vec![true; height.into()];
            Ok(Page {
                buffer,
                framebuffer,
                stale,
            })
        };
        let none = |e: Error| refused("there is no picture of this size and depth", &e);
        let pages = [page().map_err(none)?, page().map_err(none)?];
        let shown = Some(pages[0].framebuffer);
        card.set_crtc(crtc, shown, (0, 0), &[info.handle()], Some(mode))
            .map_err(|e| refused("the screen cannot be taken", &e))?;
        let whole = ClipRect::new(0, 0, width, height);
        let dirty = card.dirty_framebuffer(pages[0].framebuffer, &[whole]);
        log::info!("{place}: {width}x{height}, {} Hz", mode.vrefresh());
        Ok(Self {
            connector: info.handle(),
            name: place,
            crtc,
            mode,
            pages,
            front: 0,
            takes_damage: dirty.is_ok(),
            flipping: false,
            card,
        })
    }

    /// Whether the screen is still plugged in.
    pub fn is_connected(&self) -> bool {
        let info = self.card.get_connector(self.connector, false);
        info.is_ok_and(|info| info.state() != connector::State::Disconnected)
    }

    pub fn layout(&self, bits: u32) -> PixelLayout {
        let (width, height) = self.mode.size();
        let size = Size::new(width.into(), height.into());
        let xrgb = PixelLayout {
            bytes_per_pixel: 4,
            red: ColourBits::new(16, 8),
            green: ColourBits::new(8, 8),
            blue: ColourBits::new(0, 8),
            ..PixelLayout::rgb(size)
        };
        match bits {
            16 => PixelLayout { size, ..RGB565 },
            _ => xrgb,
        }
        .tight()
    }

    /// Brings what is drawn on the screen.
    pub fn present(&mut self, back: &BackBuffer) -> Result<(), Error> {
        let mut rows = 0;
        for changed in back.changed() {
            rows += changed.len();
            for page in &mut self.pages {
                page.stale[changed.clone()].fill(true);
            }
        }
        if rows == 0 {
            return Ok(());
        }
        self.wait()?;
        let (width, height) = self.mode.size();
        if self.takes_damage && 2 * rows < usize::from(height) {
            self.fill(self.front, back)?;
            let clip =
                |rows: Range<usize>| ClipRect::new(0, rows.start as u16, width, rows.end as u16);
            let mut clips: Vec<ClipRect> = back.changed().map(clip).collect();
            if clips.len() > MOST_CLIPS {
                clips = vec![ClipRect::new(0, 0, width, height)];
            }
            let framebuffer = self.pages[self.front].framebuffer;
            return self.card.dirty_framebuffer(framebuffer, &clips);
        }
        let next = 1 - self.front;
        self.fill(next, back)?;
        let framebuffer = self.pages[next].framebuffer;
        let flags = PageFlipFlags::EVENT;
        self.card.page_flip(self.crtc, framebuffer, flags, None)?;
        self.flipping = true;
        self.front = next;
        Ok(())
    }

    /// Copies what is drawn into a page, where that has it not yet.
    fn fill(&mut self, page: usize, back: &BackBuffer) -> Result<(), Error> {
        let page = &mut self.pages[page];
        let pitch = page.buffer.pitch() as usize;
        let mut memory = self.card.map_dumb_buffer(&mut page.buffer)?;
        let rows = memory.chunks_mut(pitch.max(1)).zip(&mut page.stale);
        for (y, (row, stale)) in rows.enumerate() {
            if std::mem::take(stale) {
                let pixels = back.rows(y..y + 1);
                row[..pixels.len()].copy_from_slice(pixels);
            }
        }
        Ok(())
    }

    /// Waits until the last flip has happened.
    fn wait(&mut self) -> Result<(), Error> {
        let end = Instant::now() + FLIP;
        while self.flipping {
            let left = end.saturating_duration_since(Instant::now());
            match self.card.is_readable(left)? {
                true => {}
                // A signal came.
                false if !left.is_zero() => continue,
                false => {
                    let says = "a page flip never happened";
                    return Err(Error::new(ErrorKind::TimedOut, says));
                }
            }
            let events = self.card.receive_events()?;
            if events.into_iter().any(|e| matches!(e, Event::PageFlip(_))) {
                self.flipping = false;
            }
        }
        Ok(())
    }
}

impl Drop for Driven {
    /// The console has the screen again when the card is closed.
    fn drop(&mut self) {
        let _ = self.wait();
        for page in &self.pages {
            let _ = self.card.destroy_framebuffer(page.framebuffer);
        }
    }
}

/// The mode of this size, or the screen's own.
fn mode(of: &connector::Info, wanted: Option<Size>) -> Result<Mode, Trouble> {
    let modes = of.modes();
    let size = |mode: &Mode| {
        let (width, height) = mode.size();
        Size::new(width.into(), height.into())
    };
    let is_preferred = |mode: &&Mode| mode.mode_type().contains(ModeTypeFlags::PREFERRED);
    let pixels = |mode: &Mode| {
        let (width, height) = mode.size();
        u64::from(width) * u64::from(height)
    };
    let found = match wanted {
        None => {
            let own = modes.iter().find(is_preferred).or(modes.first());
            let small = modes.iter().filter(|mode| pixels(mode) <= LARGEST);
            // Of equals the first, which the screen would rather have.
            let small = small.rev().max_by_key(|mode| pixels(mode));
            own.filter(|own| pixels(own) <= LARGEST).or(small).or(own)
        }
        Some(wanted) => modes.iter().find(|mode| size(mode) == wanted),
    };
    found.copied().ok_or_else(|| {
        let mut sizes: Vec<String> = modes.iter().map(|mode| size(mode).to_string()).collect();
        sizes.dedup();
        let wanted = wanted.map_or("none".into(), |size| size.to_string());
        Trouble::new(
            format!("the screen has no mode {wanted}"),
            format!("set `mode` to \"preferred\" or one of {}", sizes.join(", ")),
        )
    })
}
