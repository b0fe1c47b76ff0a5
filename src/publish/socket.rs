//! Lines to everyone who is connected to a Unix socket. In: whole lines. Out: the same, to each
//! reader.

use super::lines::check_place;
use super::{JsonLines, LineWriter, Sink, count, frames, unopened};
use crate::device::{Device, check_folder};
use crate::report::Listener;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use socket2::{Domain, SockAddr, Type};
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A reader of the socket who takes longer than this is cut off.
const SLOWEST_READER: Duration = Duration::from_millis(200);
/// No more readers than this at once.
const MOST_READERS: usize = 16;
/// Who may connect, which is to write: the user and the group, whatever the umask.
const MODE: u32 = 0o660;
/// Readers who may wait to be let in.
const WAITING: i32 = 16;

/// All that is known of the kind "socket".
pub const KIND: Kind<Arc<dyn Sink>> = Kind {
    name: "socket",
    says: "every reader of a Unix socket (`socat - UNIX-CONNECT:PATH`)",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Sink>> {
    let path = s
        .path("path", "the socket, which is made; its group may connect")
        .example("\"/run/posed/lines\"")
        .needed();
    check_place(s, path.as_deref());
    let frames = frames(s);
    Some(Arc::new(SocketSettings {
        path: path?,
        frames,
    }))
}

/// Which socket.
#[derive(Debug, Clone)]
struct SocketSettings {
    path: PathBuf,
    frames: bool,
}

impl Device for SocketSettings {
    fn claims(&self) -> Vec<String> {
        vec![format!("the file {}", self.path.display())]
    }

    fn check(&self) -> Result<(), Trouble> {
        check_folder(&self.path)
    }
}

impl Sink for SocketSettings {
    fn open(&self, _: &str) -> Result<Box<dyn Listener>, Trouble> {
        Ok(Box::new(JsonLines::new(
            Socket::open(&self.path)?,
            self.frames,
        )))
    }
}

/// Listens at `path`, where the group may connect from the start and others never: the mode is
/// set before there is a path, since a umask may leave more to others, and again when there is one,
/// since it may have left less to the group.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let as_file = File::from(OwnedFd::from(socket));
    as_file.set_permissions(Permissions::from_mode(MODE))?;
    let socket = socket2::Socket::from(OwnedFd::from(as_file));
    socket.bind(&SockAddr::unix(path)?)?;
    std::fs::set_permissions(path, Permissions::from_mode(MODE))?;
    socket.listen(WAITING)?;
    Ok(UnixListener::from(OwnedFd::from(socket)))
}

/// A socket with its readers.
struct Socket {
    listener: UnixListener,
    readers: Vec<UnixStream>,
    path: PathBuf,
}

impl Socket {
    fn open(path: &Path) -> Result<Self, Trouble> {
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            // A socket that nobody answers on was left by a run that was killed.
            if !meta.file_type().is_socket() || UnixStream::connect(path).is_ok() {
                return Err(Trouble::new(
                    format!(
                        "{}: another program listens on this socket, or a file of that name is in the way",
                        path.display()
                    ),
                    "stop it, remove the file, or set another `path`",
                ));
            }
            let _ = std::fs::remove_file(path);
        }
        let listener = listen(path).map_err(|e| unopened(path, &e))?;
        listener
            .set_nonblocking(true)
            .map_err(|e| unopened(path, &e))?;
        Ok(Self {
            listener,
            readers: Vec::new(),
            path: path.into(),
        })
    }

    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) if self.readers.len() < MOST_READERS => {
                    let set = stream
                        .set_nonblocking(false)
                        .and_then(|()| stream.set_write_timeout(Some(SLOWEST_READER)));
                    if set.is_ok() {
                        self.readers.push(stream);
                    }
                }
                Ok(_) => log::warn!(
                    "publish: more than {MOST_READERS} readers on the socket, one was turned away"
                ),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    }
}

impl LineWriter for Socket {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// One who has left is no loss; one who is too slow is cut off, which is said each time.
    fn write(&mut self, rest: &mut &[u8]) -> io::Result<u64> {
        self.accept();
        let lines = *rest;
        let mut slow = 0u64;
        self.readers.retain_mut(|reader| {
            let written = reader.write_all(lines);
            let late = |e: &io::Error| e.kind() == ErrorKind::WouldBlock;
            slow += u64::from(written.as_ref().is_err_and(late));
            written.is_ok()
        });
        if slow > 0 {
            log::warn!(
                "publish: {}: {slow} readers took longer than {SLOWEST_READER:?} and were cut off",
                self.name()
            );
        }
        *rest = &[];
        Ok(slow * count(lines))
    }

    fn tend(&mut self) {
        self.accept();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
