//! A screen under KMS (kernel mode setting), such as HDMI: drawn without a framebuffer device.
//!
//! In: scenes. Out: dumb buffers, two in turn, which the kernel shows by a page flip, so that no
//! half-drawn picture is seen; where the driver sends pixels over a bus (it wants to be told what is
//! dirty) only rows that changed. A screen that is unplugged is waited for. The console has the screen
//! back when posed ends, and while somebody works on another virtual terminal. Kernel doc:
//! gpu/drm-kms, gpu/drm-uapi.

use super::back::{self, BackBuffer};
use super::canvas::{ColourBits, PixelLayout};
use super::scene::Scene;
use super::{Display, RGB565, Screen};
use crate::device::Device;
use crate::geometry::Size;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use ::drm::Device as _;
use ::drm::buffer::{Buffer, DrmFourcc};
use ::drm::control::dumbbuffer::DumbBuffer;
use ::drm::control::{
    ClipRect, Device as _, Event, Mode, ModeTypeFlags, PageFlipFlags, connector, crtc, framebuffer,
};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All that is known of the kind "drm".
pub const KIND: Kind<Arc<dyn Screen>> = Kind {
    name: "drm",
    says: "a screen under KMS, such as HDMI, without /dev/fb0",
    read,
};

/// Time on the wall between looks whether a screen was plugged in or another console is worked on.
const LOOK: Duration = Duration::from_millis(500);
/// How long a page flip may take: three frames of a slow screen.
const FLIP: Duration = Duration::from_millis(150);
/// Pieces that are told of at once; the kernel takes 256.
const MOST_CLIPS: usize = 200;
/// Pixels of a mode that is taken unasked: on a small board more cost more than they show.
const LARGEST: u64 = 1920 * 1080;
/// Which virtual terminal is worked on; a machine without any has no such file.
const ACTIVE: &str = "/sys/class/tty/tty0/active";

fn read(s: &mut Section) -> Option<Arc<dyn Screen>> {
    let device = s
        .path("device", "the card, where there are several")
        .example("\"/dev/dri/card1\"")
        .hint("`posed doctor` lists them")
        .without("the first with a screen")
        .maybe();
    let connector = s
        .text("connector", "the plug, as the kernel names it")
        .example("\"HDMI-A-1\"")
        .hint("`posed doctor` lists them")
        .without("the first with a screen")
        .maybe();
    let mode = s
        .text(
            "mode",
            "width and height that the screen is driven with; a smaller one costs less",
        )
        .example("\"1280x720\"")
        .without("`\"preferred\"`: the screen's own, or the largest up to 1920x1080")
        .parse(|text| match text.as_str() {
            "preferred" => Ok(None),
            size => super::spi::size(size).map(Some),
        })
        .maybe();
    let bits = s
        .number("bits", "of a pixel: 16 or 32", 16..=32_u32)
        .check(|bits| match bits {
            16 | 32 => Ok(()),
            other => Err(format!("is {other}: a pixel has 16 or 32")),
        })
        .or(32);
    let turn = back::read_turn(s);
    Some(Arc::new(DrmSettings {
        device,
        connector,
        mode: mode.flatten(),
        bits,
        turn,
    }))
}

/// Which screen, and how it is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrmSettings {
    /// The first with a screen, where none is named.
    pub device: Option<PathBuf>,
    pub connector: Option<String>,
    /// The screen's own, where none is named.
    pub mode: Option<Size>,
    /// Of a pixel: 16 or 32.
    pub bits: u32,
    /// Quarters of a turn clockwise, and whether it is mirrored then.
    pub turn: (u8, bool),
}

impl DrmSettings {
    /// The cards that may have the screen.
    fn cards(&self) -> Result<Vec<PathBuf>, Trouble> {
        if let Some(device) = &self.device {
            return Ok(vec![device.clone()]);
        }
        let entries = std::fs::read_dir("/dev/dri")
            .into_iter()
            .flatten()
            .flatten();
        let is_card = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with("card")
        };
        let mut cards: Vec<PathBuf> = entries.map(|e| e.path()).filter(is_card).collect();
        cards.sort();
        match cards.is_empty() {
            true => Err(Trouble::new(
                "there is no /dev/dri/card*: the kernel runs no screen by KMS",
                "on a Raspberry Pi write `dtoverlay=vc4-kms-v3d` into /boot/firmware/config.txt; where there is a /dev/fb0, take `kind = \"framebuffer\"`",
            )),
            false => Ok(cards),
        }
    }
}

impl Device for DrmSettings {
    /// The card is there and may be opened; a screen may be plugged in later.
    fn check(&self) -> Result<(), Trouble> {
        let mut names = Vec::new();
        let mut last = None;
        for path in self.cards()? {
            match Card::open(&path) {
                Ok(card) => names.extend(card.connectors().map(|c| c.to_string())),
                Err(e) => last = Some(e),
            }
        }
        match (&self.connector, last) {
            (_, Some(e)) if names.is_empty() => Err(e),
            (Some(wanted), _) if !names.contains(wanted) => Err(Trouble::new(
                format!("there is no connector {wanted:?}"),
                format!("this machine has {}", names.join(", ")),
            )),
            (None, _) if names.is_empty() => Err(Trouble::new(
                "no card of /dev/dri has a connector for a screen",
                "on a Raspberry Pi write `dtoverlay=vc4-kms-v3d` into /boot/firmware/config.txt",
            )),
            _ => Ok(()),
        }
    }
}

impl Screen for DrmSettings {
    fn open(&self) -> Result<Box<dyn Display>, Trouble> {
        self.check()?;
        let mut display = DrmDisplay::new(self.clone());
        // A screen that somebody else still has, such as the picture at boot, is no reason not to
        // start: it is said when something is to be shown.
        let _ = display.look();
        Ok(Box::new(display))
    }

    fn advice(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("nothing", "`connector`, and that no desktop has the screen"),
            (
                "an edge's line is missing",
                "the screen's own overscan, or `mode`",
            ),
            ("the arrow does not point up", "`rotate`"),
            ("words are mirrored", "`mirror`"),
            ("steps of grey run into each other", "`bits = 32`"),
        ]
    }
}

/// An open card.
#[derive(Debug)]
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl ::drm::Device for Card {}
impl ::drm::control::Device for Card {}

impl Card {
    fn open(path: &Path) -> Result<Self, Trouble> {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        opened.map(Self).map_err(|e| open_error(path, &e))
    }

    /// What screens may be connected to.
    fn connectors(&self) -> impl Iterator<Item = connector::Info> {
        let handles = self.resource_handles();
        let handles = handles.map(|r| r.connectors().to_vec()).unwrap_or_default();
        handles
            .into_iter()
            .filter_map(|handle| self.get_connector(handle, false).ok())
    }

    /// The connector with a screen that is wanted.
    fn connected(&self, wanted: Option<&str>) -> Option<connector::Info> {
        let found = self.connectors().find(|info| {
            info.state() == connector::State::Connected
                && wanted.is_none_or(|name| info.to_string() == name)
        })?;
        // Its modes are asked for where nobody has yet.
        match found.modes().is_empty() {
            true => self.get_connector(found.handle(), true).ok(),
            false => Some(found),
        }
    }

    /// Something that can drive this connector.
    fn crtc(&self, of: &connector::Info) -> Option<crtc::Handle> {
        let resources = self.resource_handles().ok()?;
        let encoder = |handle| self.get_encoder(handle).ok();
        let current = of.current_encoder().and_then(encoder);
        if let Some(crtc) = current.and_then(|e| e.crtc()) {
            return Some(crtc);
        }
        let able = of.encoders().iter().filter_map(|handle| encoder(*handle));
        able.flat_map(|e| resources.filter_crtcs(e.possible_crtcs()))
            .next()
    }
}

fn open_error(path: &Path, e: &Error) -> Trouble {
    let device = path.display();
    match e.kind() {
        ErrorKind::NotFound => Trouble::new(
            format!("{device}: no such device"),
            "`ls /dev/dri` shows which there are, and `posed doctor` what is connected to them",
        ),
        ErrorKind::PermissionDenied => Trouble::new(
            format!("{device}: permission denied"),
            "add the user to the group video (`sudo usermod -aG video $USER`) and log in again; for a service: `SupplementaryGroups=video` in its unit",
        ),
        _ => Trouble::new(
            format!("{device}: cannot be opened: {e}"),
            "name another card: `ls /dev/dri`",
        ),
    }
}

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
struct Driven {
    card: Card,
    connector: connector::Handle,
    name: String,
    crtc: crtc::Handle,
    mode: Mode,
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
    fn start(settings: &DrmSettings) -> Result<Option<Self>, Trouble> {
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
        let none = |e: Error| refused("there is no memory for its picture", &e);
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
    fn is_connected(&self) -> bool {
        let info = self.card.get_connector(self.connector, false);
        info.is_ok_and(|info| info.state() != connector::State::Disconnected)
    }

    fn layout(&self, bits: u32) -> PixelLayout {
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
    fn present(&mut self, back: &BackBuffer) -> Result<(), Error> {
        let changed: Vec<Range<usize>> = back.changed().collect();
        if changed.is_empty() {
            return Ok(());
        }
        for page in &mut self.pages {
            changed
                .iter()
                .for_each(|rows| page.stale[rows.clone()].fill(true));
        }
        self.wait()?;
        let (width, height) = self.mode.size();
        let rows: usize = changed.iter().map(ExactSizeIterator::len).sum();
        if self.takes_damage && 2 * rows < usize::from(height) {
            self.fill(self.front, back)?;
            let clip =
                |rows: &Range<usize>| ClipRect::new(0, rows.start as u16, width, rows.end as u16);
            let clips: Vec<ClipRect> = match changed.len() {
                0..=MOST_CLIPS => changed.iter().map(clip).collect(),
                _ => vec![ClipRect::new(0, 0, width, height)],
            };
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
            if !is_readable(&self.card, left)? {
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    "a page flip never happened",
                ));
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

/// Whether an event of the card can be read within this time.
fn is_readable(card: &Card, time: Duration) -> Result<bool, Error> {
    let mut wanted = libc::pollfd {
        fd: card.0.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let ms = time.as_millis().try_into().unwrap_or(libc::c_int::MAX);
    // SAFETY: one pollfd of a file that is open as long as the card is borrowed.
    match unsafe { libc::poll(&raw mut wanted, 1, ms) } {
        n if n >= 0 => Ok(n > 0),
        _ => match Error::last_os_error() {
            e if e.kind() == ErrorKind::Interrupted => Ok(false),
            e => Err(e),
        },
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

/// A screen that shows scenes, while it is plugged in and nobody works on another console.
pub struct DrmDisplay {
    settings: DrmSettings,
    driven: Option<Driven>,
    back: Option<BackBuffer>,
    looked: Option<Instant>,
    /// The virtual terminal on which posed shows; None where the machine has none.
    terminal: Option<String>,
    /// Why the screen could not be taken.
    failed: Option<Trouble>,
    /// It was said that there is no screen.
    said: bool,
}

impl DrmDisplay {
    fn new(settings: DrmSettings) -> Self {
        Self {
            settings,
            driven: None,
            back: None,
            looked: None,
            terminal: active_terminal(),
            failed: None,
            said: false,
        }
    }

    /// Takes the screen where it was plugged in, and gives it up where it is gone or another console
    /// is worked on; now and then.
    fn look(&mut self) -> Result<(), Trouble> {
        if self.looked.is_none_or(|when| when.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            self.failed = self.look_now().err();
        }
        match &self.failed {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(()),
        }
    }

    fn look_now(&mut self) -> Result<(), Trouble> {
        if active_terminal() != self.terminal {
            if let Some(driven) = self.driven.take() {
                let name = &driven.name;
                log::info!("{name}: another console is worked on and has the screen");
            }
            return Ok(());
        }
        if let Some(driven) = &self.driven {
            if driven.is_connected() {
                return Ok(());
            }
            log::warn!("{}: the screen was unplugged; waiting for it", driven.name);
            self.said = true;
            self.driven = None;
        }
        match Driven::start(&self.settings)? {
            Some(driven) => {
                let layout = driven.layout(self.settings.bits);
                let turn = back::upright(self.settings.turn);
                self.back = Some(BackBuffer::new(layout, turn));
                self.driven = Some(driven);
                self.said = false;
            }
            None if !std::mem::replace(&mut self.said, true) => {
                let which = self.settings.connector.as_deref();
                let which = which.unwrap_or("any connector");
                log::warn!("no screen is plugged in at {which}; waiting for one");
            }
            None => {}
        }
        Ok(())
    }

    fn present(&mut self) -> Result<(), Trouble> {
        let (Some(driven), Some(back)) = (&mut self.driven, &mut self.back) else {
            return Ok(());
        };
        match driven.present(back) {
            Ok(()) => {
                back.is_shown();
                Ok(())
            }
            Err(e) => {
                let trouble = Trouble::new(
                    format!("{}: cannot be drawn on: {e}", driven.name),
                    "has another program taken the screen?",
                );
                self.driven = None;
                self.failed = Some(trouble.clone());
                Err(trouble)
            }
        }
    }
}

/// The virtual terminal that is worked on: "tty1".
fn active_terminal() -> Option<String> {
    let text = std::fs::read_to_string(ACTIVE).ok()?;
    Some(text.trim().to_string())
}

impl Display for DrmDisplay {
    fn show(&mut self, scene: &Scene) -> Result<(), Trouble> {
        self.look()?;
        if let (Some(_), Some(back)) = (&self.driven, &mut self.back) {
            back.draw(scene);
            self.present()?;
        }
        Ok(())
    }

    fn tend(&mut self) -> Result<(), Trouble> {
        self.look()
    }

    fn describe(&self) -> String {
        match &self.driven {
            Some(driven) => {
                let (width, height) = driven.mode.size();
                format!(
                    "{}, {width}x{height}, {} bits a pixel",
                    driven.name, self.settings.bits
                )
            }
            None => "a screen under KMS, not plugged in yet".into(),
        }
    }

    /// The console has the screen again.
    fn clear(&mut self) -> Result<(), Trouble> {
        self.driven = None;
        Ok(())
    }
}
