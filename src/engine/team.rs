//! A team of threads that does one job together: the caller is member 0, its workers live as long as it does.
//!
//! In: a job, which every member runs with its own number. Between jobs the workers sleep. Within a job [`Team::meet`] is the barrier
//! between rounds of a few microseconds: each member counts the rounds it has finished on a cache line of its own and spins until the
//! others have come as far, so a round costs one cache line's way from core to core and no system call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most members of a team; small boards have four processors, a few have eight.
pub const MOST: usize = 8;

/// How often a member looks for the others before it lets another thread have the processor: a few rounds' time, tens of microseconds.
const SPINS: u32 = 2000;

/// How often it then yields, about a millisecond, before it naps: the others wait for a foreign operator, or for a processor.
const YIELDS: u32 = 2000;

const NAP: Duration = Duration::from_micros(50);

/// The count of a member that has done its whole job.
const DONE: u32 = u32::MAX - 1;

/// The count of a member that failed: nobody waits for it, and nobody goes on.
const FAILED: u32 = u32::MAX;

type Job<'a> = dyn Fn(usize) -> Result<(), String> + Sync + 'a;

/// Rounds that one member has finished, alone on its cache line (two, since processors fetch them in pairs).
#[repr(align(128))]
#[derive(Default)]
struct Count(AtomicU32);

/// What the workers wait for.
#[derive(Default)]
struct Post {
    job: Option<&'static Job<'static>>,
    /// Jobs given so far.
    number: u64,
    /// Workers that have not finished it.
    busy: usize,
    error: Option<String>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    counts: Vec<Count>,
    post: Mutex<Post>,
    given: Condvar,
    done: Condvar,
}

/// The team.
pub struct Team {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Shared {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a member's share of a job and says so to those who wait for it, however it ends.
    fn take_part(&self, member: usize, job: &Job<'_>) -> Result<(), String> {
        let result = catch_unwind(AssertUnwindSafe(|| job(member))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("an operator broke off ({})", text.unwrap_or("no reason given")))
        });
        self.counts[member].0.store(if result.is_ok() { DONE } else { FAILED }, Release);
        result
    }

    fn work(&self, member: usize) {
        let mut last = 0;
        loop {
            let mut post = self.post();
            let job = loop {
                match post.job {
                    _ if post.closed => return,
                    Some(job) if post.number != last => break job,
                    _ => post = self.given.wait(post).unwrap_or_else(PoisonError::into_inner),
                }
            };
            last = post.number;
            drop(post);
            let result = self.take_part(member, job);
            let mut post = self.post();
            if let Err(error) = result {
                post.error.get_or_insert(error);
            }
            post.busy -= 1;
            if post.busy == 0 {
                self.done.notify_one();
            }
        }
    }
}

impl Team {
    /// A team of `members`, at least 1 and at most [`MOST`]; of fewer if the system gives no more threads.
    pub fn new(members: usize) -> Self {
        let members = members.clamp(1, MOST);
        let counts = (0..members).map(|_| Count::default()).collect();
        let shared = Arc::new(Shared { counts, ..Shared::default() });
        let mut workers = Vec::new();
        for member in 1..members {
            let (thread, mine) = (std::thread::Builder::new().name(format!("posed-infer-{member}")), shared.clone());
            match thread.spawn(move || mine.work(member)) {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    log::warn!("inference runs on {member} threads instead of {members}: {error}");
                    break;
                }
            }
        }
        Self { shared, workers }
    }

    pub fn members(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `job(member)` on every member and returns when all have finished.
    ///
    /// # Errors
    /// The error of a member that failed or panicked; the team can be used again.
    pub fn run(&mut self, job: &Job<'_>) -> Result<(), String> {
        if self.workers.is_empty() {
            return self.shared.take_part(0, job);
        }
        // SAFETY: only the lifetime changes, and no worker has the job after this function, which waits for all of them below and cannot
        // unwind before: `take_part` catches what the job throws.
        let job = unsafe { std::mem::transmute::<&Job<'_>, &'static Job<'static>>(job) };
        self.shared.counts.iter().for_each(|c| c.0.store(0, Release));
        let mut post = self.shared.post();
        (post.job, post.busy, post.error) = (Some(job), self.workers.len(), None);
        post.number += 1;
        drop(post);
        self.shared.given.notify_all();
        let mine = self.shared.take_part(0, job);
        let mut post = self.shared.post();
        while post.busy > 0 {
            post = self.shared.done.wait(post).unwrap_or_else(PoisonError::into_inner);
        }
        post.job = None;
        mine.and(post.error.take().map_or(Ok(()), Err))
    }

    /// How the members of a job meet.
    pub fn meeting(&self) -> Meeting {
        Meeting { shared: self.shared.clone(), members: self.members() }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.post().closed = true;
        self.shared.given.notify_all();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

/// The barrier between the rounds of a job.
pub struct Meeting {
    shared: Arc<Shared>,
    members: usize,
}

impl Meeting {
    /// Called by every member when it has finished round `round`, counted from 1: returns when all have, true if all go on. What a member
    /// wrote before, the others see after.
    #[must_use]
    pub fn meet(&self, member: usize, round: u32) -> bool {
        let counts = &self.shared.counts[..self.members];
        counts[member].0.store(round, Release);
        counts.iter().all(|count| {
            let mut looks = 0;
            loop {
                match count.0.load(Acquire) {
                    FAILED => return false,
                    others if others >= round => return true,
                    _ => wait(looks),
                }
                looks = (looks + 1).min(SPINS + YIELDS);
            }
        })
    }
}

fn wait(looks: u32) {
    match looks {
        _ if looks < SPINS => std::hint::spin_loop(),
        _ if looks < SPINS + YIELDS => std::thread::yield_now(),
        _ => std::thread::sleep(NAP),
    }
}

#[cfg(test)]
mod tests;
