use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn every_member_does_its_share_once() {
    for members in 1..=MOST {
        let mut team = Team::new(members);
        for _ in 0..100 {
            let calls: Vec<AtomicUsize> = (0..members).map(|_| AtomicUsize::new(0)).collect();
            let count = |member: usize| {
                calls[member].fetch_add(1, Ordering::Relaxed);
                Ok(())
            };
            team.run(&count).unwrap();
            assert!(calls.iter().all(|c| c.load(Ordering::Relaxed) == 1));
        }
    }
}

#[test]
fn after_a_meeting_all_see_what_all_wrote() {
    let mut team = Team::new(4);
    let meeting = team.meeting();
    let written: Vec<AtomicUsize> = (0..4).map(|_| AtomicUsize::new(0)).collect();
    let rounds = |member: usize| {
        for round in 1..=200 {
            written[member].store(round, Ordering::Relaxed);
            assert!(meeting.meet(member, 2 * round as u32 - 1));
            assert!(written.iter().all(|w| w.load(Ordering::Relaxed) == round));
            assert!(meeting.meet(member, 2 * round as u32));
        }
        Ok(())
    };
    (0..20).for_each(|_| team.run(&rounds).unwrap());
}

/// Members that meet ten times, but `who` ends its job in the fifth round as `how` says.
fn broken_off(team: &mut Team, who: usize, how: fn() -> Result<(), String>) -> Result<(), String> {
    let meeting = team.meeting();
    team.run(&|member| {
        for round in 1..=10 {
            if member == who && round == 5 {
                how()?;
            }
            if !meeting.meet(member, round) {
                assert!(round >= 4);
                return Ok(());
            }
        }
        Ok(())
    })
}

#[test]
fn a_member_that_fails_or_panics_ends_the_job_and_the_team_goes_on() {
    let mut team = Team::new(3);
    for who in 0..3 {
        assert_eq!(broken_off(&mut team, who, || Err("failed".into())).unwrap_err(), "failed");
        assert_eq!(broken_off(&mut team, who, || Ok(())), Ok(()));
        assert!(broken_off(&mut team, who, || panic!("on purpose")).unwrap_err().contains("on purpose"));
        assert_eq!(broken_off(&mut team, who, || Ok(())), Ok(()));
    }
}

#[test]
fn one_member_needs_no_thread() {
    let mut team = Team::new(0);
    assert_eq!((team.members(), team.workers.len()), (1, 0));
    assert!(broken_off(&mut team, 0, || panic!("on purpose")).is_err());
    assert_eq!(broken_off(&mut team, 0, || Ok(())), Ok(()));
}
