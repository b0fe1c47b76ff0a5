//! Who has logged in. In: passwords. Out: tokens, which the browser keeps in a cookie, and whether one
//! is good. What is kept here is their hash, so that nothing that leaks is of use.

use crate::tls;
use crate::trouble::Trouble;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A browser stays logged in for so long.
pub const LASTS: Duration = Duration::from_secs(30 * 24 * 3600);
/// No more browsers than this are logged in; the one that came first has to go.
const MOST: usize = 64;
/// How long the next attempt has to wait after a wrong password; doubled each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// More than any password has: what is longer is not even hashed.
const LONGEST_PASSWORD: usize = 1024;

/// The hash of a password, as a file has it (Argon2id, RFC 9106, in the PHC string format).
#[derive(Debug, Clone)]
pub struct Password(String);

/// The line that `posed password` writes.
///
/// # Errors
/// Memory is short.
pub fn hash(password: &str) -> Result<String, Trouble> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    let hash = hash.map_err(|e| Trouble::new(format!("the password cannot be hashed: {e}"), ""))?;
    Ok(hash.to_string())
}

impl Password {
    /// Reads the file that `posed password` made.
    ///
    /// # Errors
    /// It cannot be read, or is another.
    pub fn read(path: &Path) -> Result<Self, Trouble> {
        let text = tls::read_file(path, "password_file")?;
        let text = text.trim();
        match PasswordHash::new(text) {
            Ok(hash) if hash.algorithm.as_str().starts_with("argon2") => Ok(Self(text.into())),
            _ => Err(Trouble::new(
                format!("{}: holds no hash of a password", path.display()),
                format!("`posed password {}` makes one", path.display()),
            )),
        }
    }

    /// Takes about a second on a small board, and 19 MB.
    fn is(&self, password: &str) -> bool {
        password.len() <= LONGEST_PASSWORD
            && PasswordHash::new(&self.0).is_ok_and(|hash| {
                let verified = Argon2::default().verify_password(password.as_bytes(), &hash);
                verified.is_ok()
            })
    }
}

/// What became of an attempt to log in.
#[derive(Debug, PartialEq, Eq)]
pub enum Attempt {
    /// With the token for the cookie.
    In(String),
    Wrong,
    /// Too many were wrong: the next may come in so long.
    Wait(Duration),
}

/// Everybody who is logged in.
pub struct Sessions {
    password: Password,
    inner: Mutex<Inner>,
    /// Held while a password is proven: one that comes meanwhile is not counted as the next attempt
    /// after a wrong one.
    proof: Mutex<()>,
}

#[derive(Default)]
struct Inner {
    tokens: Vec<([u8; 32], Instant)>,
    /// Of programs that send the password with every request: that they were right.
    basics: Vec<[u8; 32]>,
    wrong: u32,
    next: Option<Instant>,
}

impl Sessions {
    pub fn new(password: Password) -> Self {
        Self {
            password,
            inner: Mutex::default(),
            proof: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one_by_one(&self) -> MutexGuard<'_, ()> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the token of a cookie is one that was given, and not too long ago.
    pub fn is_in(&self, token: &str) -> bool {
        let hash = digest(token);
        let mut inner = self.lock();
        inner.tokens.retain(|(_, since)| since.elapsed() < LASTS);
        inner.tokens.iter().any(|(known, _)| *known == hash)
    }

    /// Tries a password. Slow on purpose: not for a thread that others wait for.
    pub fn log_in(&self, password: &str) -> Attempt {
        let _one = self.one_by_one();
        if let Some(wait) = self.attempt() {
            return Attempt::Wait(wait);
        }
        if !self.password.is(password) {
            return Attempt::Wrong;
        }
        let Ok(token) = new_token() else {
            return Attempt::Wait(FIRST_WAIT);
        };
        let mut inner = self.lock();
        (inner.wrong, inner.next) = (0, None);
        if inner.tokens.len() >= MOST {
            inner.tokens.remove(0);
        }
        inner.tokens.push((digest(&token), Instant::now()));
        Attempt::In(token)
    }

    /// Whether a password that a program sends with each request is right; known ones cost nothing.
    pub fn is_right(&self, password: &str) -> bool {
        let hash = digest(password);
        let known = || self.lock().basics.contains(&hash);
        if known() {
            return true;
        }
        let _one = self.one_by_one();
        if known() {
            return true;
        }
        if self.attempt().is_some() || !self.password.is(password) {
            return false;
        }
        let mut inner = self.lock();
        (inner.wrong, inner.next) = (0, None);
        inner.basics = vec![hash];
        true
    }

    pub fn log_out(&self, token: &str) {
        let hash = digest(token);
        self.lock().tokens.retain(|(known, _)| *known != hash);
    }

    /// Counts an attempt as wrong until it turns out right; gives how long it has to wait, if it may
    /// not be made.
    fn attempt(&self) -> Option<Duration> {
        let now = Instant::now();
        let mut inner = self.lock();
        if let Some(next) = inner.next.filter(|&next| next > now) {
            return Some(next - now);
        }
        let wait = FIRST_WAIT * 2u32.pow(inner.wrong.min(8));
        inner.wrong += 1;
        inner.next = Some(now + wait.min(LONGEST_WAIT));
        None
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn new_token() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Sessions {
        // Little work, lest the tests take long: the work is part of the hash.
        let cheap = argon2::Params::new(8, 1, 1, None).unwrap();
        let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, cheap);
        let hash = argon2.hash_password(b"open sesame").unwrap();
        Sessions::new(Password(hash.to_string()))
    }

    fn token(attempt: Attempt) -> String {
        match attempt {
            Attempt::In(token) => token,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_right_password_gives_a_token_that_is_good_until_the_log_out() {
        let sessions = sessions();
        let one = token(sessions.log_in("open sesame"));
        let two = token(sessions.log_in("open sesame"));
        assert!(one.len() == 64 && one != two);
        assert!(sessions.is_in(&one) && sessions.is_in(&two) && !sessions.is_in("x"));
        sessions.log_out(&one);
        assert!(!sessions.is_in(&one) && sessions.is_in(&two));
    }

    #[test]
    fn wrong_passwords_make_the_next_attempt_wait_longer_and_longer_even_with_the_right_one() {
        let sessions = sessions();
        assert_eq!(sessions.log_in("wrong"), Attempt::Wrong);
        assert!(matches!(sessions.log_in("open sesame"), Attempt::Wait(_)));
        let mut waits = Vec::new();
        for _ in 0..8 {
            sessions.lock().next = None;
            assert_eq!(sessions.log_in("wrong"), Attempt::Wrong);
            let Attempt::Wait(wait) = sessions.log_in("wrong") else {
                panic!("no wait");
            };
            waits.push(wait.as_secs_f32().round() as u64);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert!(!sessions.is_right("open sesame"), "programs wait as well");
        sessions.lock().next = None;
        token(sessions.log_in("open sesame"));
        assert!(sessions.lock().next.is_none());
    }

    #[test]
    fn a_program_that_sends_the_password_each_time_is_known_again() {
        let sessions = sessions();
        assert!(sessions.is_right("open sesame"));
        assert!(!sessions.is_right("wrong") && sessions.is_right("open sesame"));
    }

    #[test]
    fn programs_that_are_right_at_the_same_time_are_all_let_in() {
        let sessions = sessions();
        let all = std::thread::scope(|scope| {
            let programs = [(); 8].map(|()| scope.spawn(|| sessions.is_right("open sesame")));
            let browsers = [(); 8].map(|()| scope.spawn(|| sessions.log_in("open sesame")));
            let browsers = browsers.map(|b| matches!(b.join().unwrap(), Attempt::In(_)));
            programs.map(|p| p.join().unwrap()) == [true; 8] && browsers == [true; 8]
        });
        assert!(all);
    }

    #[test]
    fn the_oldest_goes_where_too_many_are_in() {
        let sessions = sessions();
        let first = token(sessions.log_in("open sesame"));
        for _ in 0..MOST {
            token(sessions.log_in("open sesame"));
        }
        assert!(!sessions.is_in(&first) && sessions.lock().tokens.len() == MOST);
    }

    #[test]
    fn a_file_of_another_sort_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "hunter2").unwrap();
        let said = Password::read(&path).unwrap_err().to_string();
        assert!(said.contains("posed password"), "{said}");
        std::fs::write(&path, hash("open sesame").unwrap() + "\n").unwrap();
        assert!(Password::read(&path).unwrap().is("open sesame"));
    }
}
