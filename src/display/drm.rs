//! A screen under KMS (kernel mode setting), such as HDMI: drawn without a framebuffer device.
//!
//! In: scenes. Out: dumb buffers, two in turn, which the kernel shows by a page flip, so that no
//! half-drawn picture is seen; where the driver sends pixels over a bus (it wants to be told what is
//! dirty) only rows that changed. A screen that is unplugged is waited for. The console has the screen
//! back when posed ends, and while somebody works on another virtual terminal. Kernel doc:
//! gpu/drm-kms, gpu/drm-uapi.

mod card;
mod display;
mod driven;

pub use display::DrmDisplay;

use super::{Display, Screen, back};
use crate::device::Device;
use crate::geometry::Size;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use card::Card;
use std::path::PathBuf;
use std::sync::Arc;

/// All that is known of the kind "drm".
pub const KIND: Kind<Arc<dyn Screen>> = Kind {
    name: "drm",
    says: "a screen under KMS, such as HDMI, without /dev/fb0",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Screen>> {
    let device = s
        .path("device", "the card, where there are several")
        .example("\"/dev/dri/card1\"")
        .hint("`posed doctor` lists them")
        .without("the first with a screen")
        .maybe();
    let connector = s
        .text(
            "connector",
            "the plug, as the kernel names it: \"HDMI-A-1\"",
        )
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
            size => super::spi::size(size).map(Some).map_err(|_| {
                format!("{size:?} is neither \"preferred\" nor a size such as \"1280x720\"")
            }),
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
    /// One process drives a card once.
    fn claims(&self) -> Vec<String> {
        vec![match &self.device {
            Some(device) => format!("the card {}", device.display()),
            None => "the first card with a screen".into(),
        }]
    }

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
