use super::*;
use std::sync::atomic::AtomicUsize;

type Outcome = fn() -> Result<(), String>;

/// Rounds of `pieces` (one number a queue). Every piece looks whether the round before is done, and
/// counts itself.
struct Counting {
    pieces: Vec<Vec<usize>>,
    done: Vec<AtomicUsize>,
    /// What goes wrong in which round.
    wrong: Mutex<Option<(usize, Outcome)>>,
}

impl Work for Counting {
    fn rounds(&self) -> usize {
        self.pieces.len()
    }

    fn pieces(&self, round: usize, queue: usize) -> usize {
        self.pieces[round][queue]
    }

    fn piece(&self, _: usize, round: usize, queue: usize, piece: usize) -> Result<(), String> {
        let count = |round: usize| self.done[round].load(Ordering::Relaxed);
        let all = |round: usize| self.pieces[round].iter().sum::<usize>();
        let whole = round == 0 || count(round - 1).is_multiple_of(all(round - 1));
        assert!(whole, "round {round} began too early");
        assert!(piece < self.pieces[round][queue]);
        let wrong = *lock(&self.wrong);
        if let Some((_, fail)) = wrong.filter(|w| w.0 == round) {
            fail()?;
        }
        self.done[round].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Queues of 0 to 4 pieces, and a piece for everyone in every seventh round.
fn team(members: usize, rounds: usize) -> Team<Counting> {
    let size = |round: usize, queue: usize| {
        if round.is_multiple_of(7) {
            1
        } else {
            (round * 3 + queue * 2) % 5
        }
    };
    let pieces: Vec<Vec<usize>> = (0..rounds)
        .map(|r| (0..members).map(|q| size(r, q)).collect())
        .collect();
    let done = pieces.iter().map(|_| AtomicUsize::new(0)).collect();
    Team::new(
        Counting {
            pieces,
            done,
            wrong: Mutex::new(None),
        },
        members,
    )
}

#[test]
fn every_piece_is_done_once_and_after_the_round_before() {
    for members in 1..=MOST {
        let mut team = team(members, 100);
        for run in 1..=100 {
            team.run().unwrap();
            let work = team.work();
            for (done, pieces) in work.done.iter().zip(&work.pieces) {
                assert_eq!(
                    done.load(Ordering::Relaxed),
                    run * pieces.iter().sum::<usize>(),
                    "{members} members, run {run}"
                );
            }
        }
    }
}

#[test]
fn a_piece_that_fails_or_panics_ends_the_run_and_the_team_goes_on() {
    for members in [1, 3] {
        let mut team = team(members, 20);
        for round in [0, 7, 14] {
            let set = |team: &Team<Counting>, wrong| {
                *lock(&team.work().wrong) = wrong;
                team.work()
                    .done
                    .iter()
                    .for_each(|d| d.store(0, Ordering::Relaxed));
            };
            set(&team, Some((round, || Err("failed".into()))));
            assert_eq!(team.run().unwrap_err(), "failed");
            set(&team, Some((round, || panic!("on purpose"))));
            assert!(team.run().unwrap_err().contains("on purpose"));
            set(&team, None);
            assert_eq!(team.run(), Ok(()));
        }
    }
}

#[test]
fn a_team_of_one_has_no_thread() {
    let mut team = team(0, 0);
    assert_eq!((team.workers.len(), team.run()), (0, Ok(())));
}
