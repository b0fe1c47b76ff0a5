//! GPIO: the nodes /dev/gpiochip*, their lines, and whether they may be used.
//!
//! In: the root of the system and a function that asks a chip for its lines. Out: findings.

use super::{Finding, numbered};
use crate::gpio::ChipFacts;
use std::io;
use std::path::Path;

const AREA: &str = "gpio";
/// Names shown of one chip; more would fill the screen.
const SHOWN_NAMES: usize = 4;

/// Looks at every GPIO chip.
pub fn examine(root: &Path, query: &dyn Fn(&Path) -> io::Result<ChipFacts>) -> Vec<Finding> {
    let chips = numbered(root, "dev", "gpiochip");
    if chips.is_empty() {
        let mend = "on a board: enable CONFIG_GPIO_CDEV in the kernel; elsewhere use the `command` action instead of `gpio`";
        return vec![Finding::note(
            AREA,
            "no /dev/gpiochip*: this machine has no GPIO lines".into(),
            Some(mend.into()),
        )];
    }
    chips
        .iter()
        .map(|(name, path)| chip(name, query(path)))
        .collect()
}

fn chip(node: &str, answer: io::Result<ChipFacts>) -> Finding {
    match answer {
        Ok(facts) => Finding::good(
            AREA,
            format!("{node} {}: {}", facts.label, lines(&facts.lines)),
        ),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            Finding::no_permission(AREA, node, "gpio")
        }
        Err(e) => {
            let mend = "look at `dmesg | grep -i gpio` and compare with what `gpiodetect` (package gpiod) says";
            Finding::problem(AREA, format!("{node} does not answer: {e}"), mend.into())
        }
    }
}

fn lines(names: &[String]) -> String {
    let header: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|n| n.starts_with("GPIO"))
        .collect();
    let named: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|n| !n.is_empty() && *n != "-")
        .collect();
    let best = if header.is_empty() { &named } else { &header };
    let count = format!(
        "{} line{}",
        names.len(),
        if names.len() == 1 { "" } else { "s" }
    );
    match best.len() {
        0 => format!("{count}, none named: address them by number"),
        n if n <= SHOWN_NAMES => format!("{count}, named {}", best.join(", ")),
        n => format!(
            "{count}, {n} named {}, … {}",
            best[..SHOWN_NAMES - 1].join(", "),
            best[n - 1]
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Level, fake_root};
    use crate::gpio::describe_chip;

    fn with(answer: &dyn Fn(&Path) -> io::Result<ChipFacts>) -> Finding {
        examine(fake_root(&[("dev/gpiochip0", "")]).path(), answer).remove(0)
    }

    #[test]
    fn a_chip_is_shown_with_the_names_of_its_lines() {
        let chip = |names: &[&str]| ChipFacts {
            label: "pinctrl-rp1".into(),
            lines: names.iter().map(|&n| n.into()).collect(),
        };
        let text = |names: &[&str]| with(&|_| Ok(chip(names))).to_string();
        assert_eq!(
            text(&["ID_SDA", "GPIO2"]),
            "gpio     ok       /dev/gpiochip0 pinctrl-rp1: 2 lines, named GPIO2"
        );
        assert!(text(&["a", "", "-"]).ends_with("3 lines, named a"));
        assert!(text(&["", "-"]).ends_with("2 lines, none named: address them by number"));
        let many: Vec<String> = (2..=27).map(|n| format!("GPIO{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(
            text(&many).ends_with("26 lines, 26 named GPIO2, GPIO3, GPIO4, … GPIO27"),
            "{}",
            text(&many)
        );
    }

    #[test]
    fn no_chip_is_a_note_and_no_permission_names_the_group() {
        let none = &examine(fake_root(&[]).path(), &describe_chip)[0];
        assert_eq!(none.level, Level::Note);
        assert!(none.mend.as_deref().unwrap().contains("CONFIG_GPIO_CDEV"));
        let denied = with(&|_| Err(io::ErrorKind::PermissionDenied.into()));
        assert_eq!(denied.level, Level::Problem);
        assert!(
            denied.what.contains("/dev/gpiochip0")
                && denied.mend.as_deref().unwrap().contains("usermod -aG gpio"),
            "{denied}"
        );
    }

    #[test]
    fn a_file_that_is_no_chip_is_a_problem_and_stays_as_it_is() {
        let root = fake_root(&[("dev/gpiochip0", "text")]);
        let found = &examine(root.path(), &describe_chip)[0];
        assert!(
            found.level == Level::Problem && found.mend.as_deref().unwrap().contains("gpiodetect"),
            "{found}"
        );
        assert_eq!(
            std::fs::read_to_string(root.path().join("dev/gpiochip0")).unwrap(),
            "text"
        );
    }
}
