//! An open card, and what is connected to it.

use crate::device::{is_node, no_permission};
use crate::trouble::Trouble;
use ::drm::control::{Device as _, connector, crtc};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

/// An open card.
#[derive(Debug)]
pub(super) struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl ::drm::Device for Card {}
impl ::drm::control::Device for Card {}

impl Card {
    pub fn open(path: &Path) -> Result<Self, Trouble> {
        /// Of the kernel's nodes (Documentation/admin-guide/devices.txt).
        const MAJOR: u32 = 226;
        if !is_node(path, MAJOR).map_err(|e| open_error(path, &e))? {
            return Err(Trouble::new(
                format!("{}: is no card of the kernel's DRM", path.display()),
                "name one of `ls /dev/dri/card*`, or none: the first with a screen is taken",
            ));
        }
        let opened = OpenOptions::new().read(true).write(true).open(path);
        opened.map(Self).map_err(|e| open_error(path, &e))
    }

    /// What screens may be connected to.
    pub fn connectors(&self) -> impl Iterator<Item = connector::Info> {
        let handles = self.resource_handles();
        let handles = handles.map(|r| r.connectors().to_vec()).unwrap_or_default();
        handles
            .into_iter()
            .filter_map(|handle| self.get_connector(handle, false).ok())
    }

    /// The connector with a screen that is wanted.
    pub fn connected(&self, wanted: Option<&str>) -> Option<connector::Info> {
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
    pub fn crtc(&self, of: &connector::Info) -> Option<crtc::Handle> {
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

    /// Whether an event of it can be read within this time.
    pub fn is_readable(&self, time: Duration) -> Result<bool, Error> {
        let mut wanted = libc::pollfd {
            fd: self.0.as_raw_fd(),
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
}

fn open_error(path: &Path, e: &Error) -> Trouble {
    let device = path.display();
    match e.kind() {
        ErrorKind::NotFound => Trouble::new(
            format!("{device}: no such device"),
            "`ls /dev/dri` shows which there are, and `posed doctor` what is connected to them",
        ),
        ErrorKind::PermissionDenied => no_permission(path, "video"),
        _ => Trouble::new(
            format!("{device}: cannot be opened: {e}"),
            "name another card: `ls /dev/dri`",
        ),
    }
}
