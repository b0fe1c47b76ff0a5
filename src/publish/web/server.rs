//! The thread that serves the page. In: connections. Out: answers. Nothing that somebody sends, or
//! does not send, takes more than a bounded number of connections, bytes and seconds.

use super::listener::Shared;
use super::routes;
use super::sessions::Password;
use crate::trouble::Trouble;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

/// No more connections than this at once; others are closed.
const MOST_CONNECTIONS: usize = 64;
/// Of them, no more than this of one address; this machine's own may be a proxy's, for many.
const MOST_OF_ONE: usize = 24;
/// The head of a request is there by then, or the connection ends; so does an idle one.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// The most bytes of a request's head.
const LONGEST_HEAD: usize = 16 << 10;
/// Who takes nothing for so long is cut off.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
/// How long to wait before the address is tried again that could not be had.
const AGAIN: Duration = Duration::from_secs(5);
/// How long the thread may take to end.
const END_WITHIN: Duration = Duration::from_secs(1);

/// A server that runs until it is dropped.
pub struct Server {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Why the page is not at its address, with the mend.
pub fn trouble(listen: SocketAddr, error: &io::Error) -> Trouble {
    let mend = match (error.kind(), error.raw_os_error()) {
        (_, Some(libc::EAFNOSUPPORT)) => NO_NETWORK,
        (ErrorKind::AddrInUse, _) => "another program is there: give `listen` another port",
        (ErrorKind::AddrNotAvailable, _) => {
            "this machine has not that address, or not yet: `ip address` lists those that it has"
        }
        (ErrorKind::PermissionDenied, _) => "ports below 1024 are for root: give `listen` another",
        _ => "give `listen` another address",
    };
    Trouble::new(format!("the page cannot be at {listen}: {error}"), mend)
}

const NO_NETWORK: &str = "the service has no network: \
                          /usr/share/doc/posed/examples/network.conf allows it, as docs/web.md shows";

impl Server {
    /// Starts the thread; the address is taken as soon as it can be had.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(shared: Arc<Shared>, password: Option<Password>) -> Result<Self, Trouble> {
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            // Passwords, clips and files.
            .max_blocking_threads(2)
            .thread_keep_alive(Duration::from_secs(1))
            .build()
            .map_err(|e| Trouble::new(format!("the page's server cannot run: {e}"), ""))?;
        let listen = shared.settings.listen;
        let work = move || {
            let router = routes::router(shared, password);
            runtime.block_on(serve(listen, router, stopped));
            runtime.shutdown_timeout(END_WITHIN / 2);
        };
        let thread = std::thread::Builder::new().name("page".into()).spawn(work);
        let thread =
            thread.map_err(|e| Trouble::new(format!("a thread could not be started: {e}"), ""))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        let Some(thread) = self.thread.take() else {
            return;
        };
        let start = std::time::Instant::now();
        while !thread.is_finished() && start.elapsed() < END_WITHIN {
            std::thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() {
            let _ = thread.join();
        }
    }
}

async fn serve(listen: SocketAddr, router: Router, mut stopped: watch::Receiver<bool>) {
    let work = async {
        let listener = listener(listen).await;
        accept(&listener, &router).await;
    };
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|&stop| stop) => {}
    }
}

/// Takes the address, now or when it can be had.
async fn listener(listen: SocketAddr) -> tokio::net::TcpListener {
    let mut said = None;
    loop {
        let bound = TcpListener::bind(listen).and_then(|listener| {
            listener.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(listener)
        });
        match bound {
            Ok(listener) => return listener,
            Err(e) => {
                let trouble = trouble(listen, &e).to_string();
                if said.as_ref() != Some(&trouble) {
                    log::error!("publish: {trouble}");
                    said = Some(trouble);
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn accept(listener: &tokio::net::TcpListener, router: &Router) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let callers = Callers::default();
    loop {
        let (stream, caller) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(e) => {
                log::warn!("publish: the page takes no connection: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Closed at once rather than left to wait: who holds many open that say nothing would keep
        // everybody else waiting for as long as all of them in turn are waited for.
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let Some(call) = callers.enter(caller.ip()) else {
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            converse(stream, router).await;
            drop((place, call));
        });
    }
}

/// How many connections each address has.
#[derive(Debug, Clone, Default)]
struct Callers(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Callers {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more; `None` if there are as many of this address as may be.
    fn enter(&self, address: IpAddr) -> Option<Call> {
        let mut counts = self.lock();
        let count = counts.entry(address).or_default();
        if *count >= MOST_OF_ONE && !address.is_loopback() {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Call {
            callers: self.clone(),
            address,
        })
    }
}

/// A connection that is counted until it is dropped.
struct Call {
    callers: Callers,
    address: IpAddr,
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut counts = self.callers.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

async fn converse(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(TAKEN_WITHIN));
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // What a browser does to its connection is its own affair.
    if let Err(e) = connection.await {
        log::debug!("publish: the page: {e}");
    }
}
