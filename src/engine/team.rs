//! A team of threads that does one work together, again and again: the caller is member 0, its
//! workers live as long as the team.
//!
//! In: a [`Work`], cut into rounds and these into pieces, with a queue of pieces for every member.
//! Each member does its own queue first, then helps the others; a round begins when all pieces of
//! the one before are done. Rounds last microseconds, so members claim pieces and wait for each
//! other through atomics on cache lines of their own, with no system call. Between runs the workers
//! sleep.
//!
//! Nobody waits for a member, only for a piece that is under way: a member that the system keeps
//! from running holds nothing up, and one that comes too late finds all pieces claimed. All counts
//! go on from run to run and never back, so a late member cannot take an old run's numbers for a
//! new one's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most members of a team; small boards have four processors, a few have eight.
pub const MOST: usize = 8;

/// How often a member looks for the others' pieces before it lets another thread have the
/// processor: tens of microseconds.
const SPINS: u32 = 2000;

/// How often it then yields, about a millisecond, before it naps: the others do a long piece, or
/// wait for a processor.
const YIELDS: u32 = 2000;

const NAP: Duration = Duration::from_micros(50);

/// Bits of a claim that count a round's pieces; the others count rounds since the team began,
/// enough for 60 years.
const PIECE_BITS: u32 = 20;

/// What a team does.
pub trait Work: Send + Sync + 'static {
    fn rounds(&self) -> usize;

    /// Pieces in `queue` (one a member) of a round, less than 2²⁰.
    fn pieces(&self, round: usize, queue: usize) -> usize;

    /// Does one piece. `member` is who does it, and does nothing else at this time.
    ///
    /// # Errors
    /// What [`Team::run`] is to say; the pieces after it are left out.
    fn piece(&self, member: usize, round: usize, queue: usize, piece: usize) -> Result<(), String>;
}

/// A number alone on its cache line (two, since processors fetch them in pairs).
#[repr(align(128))]
#[derive(Default)]
struct Alone(AtomicU64);

struct Member {
    /// Its queue: the round that was last claimed from, counted from 1 since the team began, and
    /// how many pieces.
    claimed: Alone,
    /// Pieces that it has done since the team began.
    done: Alone,
}

/// What the workers wait for.
#[derive(Default)]
struct Post {
    /// Runs so far.
    runs: u64,
    closed: bool,
}

struct Shared<W> {
    work: W,
    members: Vec<Member>,
    /// Pieces until the end of each round.
    until: Vec<u64>,
    post: Mutex<Post>,
    given: Condvar,
    failed: AtomicBool,
    error: Mutex<Option<String>>,
}

/// The team.
pub struct Team<W> {
    shared: Arc<Shared<W>>,
    workers: Vec<JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<W: Work> Shared<W> {
    /// Takes part in a run, the first being 1, until all its pieces are done.
    fn run(&self, member: usize, run: u64) {
        let rounds = self.until.len();
        let before = (run - 1) * self.until.last().copied().unwrap_or(0);
        let mut done = self.members[member].done.0.load(Ordering::Relaxed);
        for round in 0..rounds {
            let number = (run - 1) * rounds as u64 + round as u64 + 1;
            for i in 0..self.members.len() {
                let queue = (member + i) % self.members.len();
                let pieces = self.work.pieces(round, queue) as u64;
                while let Some(piece) = self.claim(queue, number, pieces) {
                    self.piece(member, round, queue, piece);
                    done += 1;
                }
            }
            // Release: who sees the count sees what the pieces wrote.
            self.members[member].done.0.store(done, Ordering::Release);
            self.wait(before + self.until[round]);
        }
    }

    /// The next piece of a queue of `pieces`, if there is one; only called when the round before is
    /// done.
    fn claim(&self, queue: usize, round: u64, pieces: u64) -> Option<usize> {
        if pieces == 0 {
            return None;
        }
        let claimed = &self.members[queue].claimed.0;
        let mut now = claimed.load(Ordering::Relaxed);
        loop {
            // An older round is done, so nobody has claimed from this one.
            let piece = match (now >> PIECE_BITS).cmp(&round) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => now & ((1 << PIECE_BITS) - 1),
                std::cmp::Ordering::Greater => return None,
            };
            if piece >= pieces {
                return None;
            }
            // Relaxed: what the piece reads was seen in `wait`; here it only matters that no other
            // member gets it.
            let next = round << PIECE_BITS | (piece + 1);
            match claimed.compare_exchange_weak(now, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(piece as usize),
                Err(other) => now = other,
            }
        }
    }

    /// Does a piece, unless an earlier one failed.
    fn piece(&self, member: usize, round: usize, queue: usize, piece: usize) {
        if self.failed.load(Ordering::Relaxed) {
            return;
        }
        let work = || self.work.piece(member, round, queue, piece);
        let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!(
                "an operator broke off ({})",
                text.unwrap_or("no reason given")
            ))
        });
        if let Err(error) = result {
            lock(&self.error).get_or_insert(error);
            self.failed.store(true, Ordering::Relaxed);
        }
    }

    /// Returns when all members together have done `pieces` pieces. What these wrote is seen from
    /// then on: directly, or through a member that waited for it and has gone on since.
    fn wait(&self, pieces: u64) {
        let mut looks = 0;
        while self
            .members
            .iter()
            .map(|m| m.done.0.load(Ordering::Acquire))
            .sum::<u64>()
            < pieces
        {
            match looks {
                _ if looks < SPINS => std::hint::spin_loop(),
                _ if looks < SPINS + YIELDS => std::thread::yield_now(),
                _ => std::thread::sleep(NAP),
            }
            looks = (looks + 1).min(SPINS + YIELDS);
        }
    }

    /// A worker's life.
    fn serve(&self, member: usize) {
        let mut last = 0;
        loop {
            let mut post = lock(&self.post);
            while post.runs == last && !post.closed {
                post = self
                    .given
                    .wait(post)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if post.closed {
                return;
            }
            last = post.runs;
            drop(post);
            self.run(member, last);
        }
    }
}

impl<W: Work> Team<W> {
    /// A team of `members`, 1 to [`MOST`]; of fewer if the system gives no more threads.
    pub fn new(work: W, members: usize) -> Self {
        let members = members.clamp(1, MOST);
        let pieces = |round| {
            (0..members)
                .map(|queue| work.pieces(round, queue) as u64)
                .sum::<u64>()
        };
        let until = (0..work.rounds()).scan(0, |sum, round| {
            *sum += pieces(round);
            Some(*sum)
        });
        let shared = Arc::new(Shared {
            until: until.collect(),
            members: (0..members)
                .map(|_| Member {
                    claimed: Alone::default(),
                    done: Alone::default(),
                })
                .collect(),
            post: Mutex::default(),
            given: Condvar::new(),
            failed: AtomicBool::new(false),
            error: Mutex::default(),
            work,
        });
        let mut workers = Vec::new();
        for member in 1..members {
            let thread = std::thread::Builder::new().name(format!("posed-infer-{member}"));
            let mine = shared.clone();
            match thread.spawn(move || mine.serve(member)) {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    // The others do its pieces.
                    log::warn!("inference runs on {member} threads instead of {members}: {error}");
                    break;
                }
            }
        }
        Self { shared, workers }
    }

    pub fn work(&self) -> &W {
        &self.shared.work
    }

    /// Does the whole work once. When it returns, nobody does a piece, and nobody will before the
    /// next call.
    ///
    /// # Errors
    /// That of a piece that failed or panicked; the team can be used again.
    pub fn run(&mut self) -> Result<(), String> {
        let mut post = lock(&self.shared.post);
        post.runs += 1;
        let run = post.runs;
        drop(post);
        self.shared.given.notify_all();
        self.shared.run(0, run);
        self.shared.failed.store(false, Ordering::Relaxed);
        lock(&self.shared.error).take().map_or(Ok(()), Err)
    }
}

impl<W> Drop for Team<W> {
    fn drop(&mut self) {
        lock(&self.shared.post).closed = true;
        self.shared.given.notify_all();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests;
