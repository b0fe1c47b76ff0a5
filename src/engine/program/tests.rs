use super::*;
use std::ops::Range;

/// An operator that does what it is told.
struct Fake(fn() -> Result<(), String>);

impl Operator for Fake {
    fn parts(&self) -> usize {
        8
    }

    fn run(&self, _: &Io, _: Range<usize>, _: &mut Scratch) -> Result<(), String> {
        self.0()
    }
}

/// A plan of 20 steps that need each other, with `wrong` for the tenth.
fn plan(members: usize, wrong: fn() -> Result<(), String>) -> Plan {
    let touch = |step: usize| Touch {
        buffer: 0,
        bytes: step * 8..step * 8 + 8,
        pixel: 8,
        channels: (0, 8),
    };
    let touches: Vec<_> = (0..20)
        .map(|i| [vec![touch(i)], vec![touch(i + 1)]])
        .collect();
    let schedule = Schedule::new(&touches, &vec![(100_000.0, 8); 20], members);
    let operator =
        |i: usize| Box::new(Fake(if i == 10 { wrong } else { || Ok(()) })) as Box<dyn Operator>;
    let steps = (0..20)
        .map(|i| Prepared {
            class: "fake",
            name: format!("node {i}"),
            operator: operator(i),
        })
        .collect();
    let scratch = (0..members).map(|_| Mutex::default()).collect();
    let memory = Memory::new(&[168], &[(0, 20)]).unwrap();
    let picture = (
        AtomicPtr::new(std::ptr::dangling_mut()),
        AtomicUsize::new(0),
    );
    Plan {
        isa: Isa::Portable,
        memory,
        steps,
        schedule,
        scratch,
        picture,
    }
}

#[test]
fn an_operator_that_fails_is_named() {
    for members in 1..=4 {
        let mut team = Team::new(plan(members, || Err("no".into())), members);
        (0..20).for_each(|_| assert_eq!(team.run().unwrap_err(), "node 10: no"));
    }
}

#[test]
fn an_operator_that_panics_is_an_error_and_hangs_nobody() {
    for members in 1..=4 {
        let mut team = Team::new(plan(members, || panic!("on purpose")), members);
        (0..20).for_each(|_| assert!(team.run().unwrap_err().contains("on purpose")));
    }
}
