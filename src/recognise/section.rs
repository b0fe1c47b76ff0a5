//! The sections `[pose.NAME]`, `[count.NAME]` and `[scene.NAME]` of a configuration.

use super::count::{Count, Repetition};
use super::sequence::{Sequence, Step};
use super::{Pose, Rule, When, Words};
use crate::settings::Section;
use std::sync::Arc;
use std::time::Duration;

/// A day.
const LONGEST_S: f64 = 86_400.0;
const THIRD: Duration = Duration::from_millis(300);

/// What poses may speak of in one file.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub words: Words<'a>,
    /// Whether a segmentation network is named, which rules on areas need.
    pub segments: bool,
    /// The sections `[pose.NAME]`, in their order.
    pub poses: &'a [Arc<str>],
    /// Which of them are sequences.
    pub sequences: &'a [bool],
}

/// Reads a section `[pose.NAME]`.
pub fn read_pose(s: &mut Section, around: Surroundings) -> Option<Pose> {
    let mirror = s
        .flag(
            "mirror",
            "with `like`: the mirrored pose is the same, left and right do not matter",
        )
        .or(false);
    let accept = s
        .flag(
            "accept",
            "with `like`: takes a taught pose that cannot be told from the others well enough",
        )
        .or(false);
    let around = Surroundings {
        words: Words {
            mirror,
            ..around.words
        },
        ..around
    };
    let liked = like(s, around);
    let rules = rules(s, around);
    let sequence = sequence(s, around);
    let of_rules = [s.given("when"), s.given("like")];
    if !of_rules.contains(&true) && !s.given("sequence") {
        s.missing("when");
    }
    if of_rules.contains(&true) && s.given("sequence") {
        s.fault_with(
            "sequence",
            "does not go with `when` or `like`",
            "write the rule as a step of the sequence, or into a pose of its own",
        );
    }
    for key in ["within_s", "all_within_s"] {
        if !s.given("sequence") && s.given(key) {
            s.fault_with(
                key,
                "only goes with `sequence`",
                "remove the line, or write how long a rule must hold into it: left_wrist above nose for 2",
            );
        }
    }
    let is_sequence = sequence.is_some();
    let when = match sequence {
        Some(sequence) => When::Sequence(sequence),
        None => {
            let mut all: Vec<Rule> = liked.into_iter().collect();
            all.extend(rules);
            let rule = Rule::all(all);
            check(s, &rule, around);
            trust(s, &rule, around, accept);
            if s.given("mirror") && rule.taught().is_empty() {
                s.fault_with(
                    "mirror",
                    "says nothing of a rule without a taught pose",
                    "remove the line; in rules, name both sides with `or`",
                );
            }
            When::Rule(rule)
        }
    };
    let hold = if is_sequence { Duration::ZERO } else { THIRD };
    Some(timed(s, "pose.hands_up", when, hold))
}

/// Reads a section `[scene.NAME]`: what is true of everybody who is there.
pub fn read_scene(s: &mut Section, around: Surroundings) -> Option<Pose> {
    let rules = s
        .one_or_more("when", "the rules about the scene, all of which must hold")
        .example("\"nobody for 30\"")
        .hint("docs/rules.md has the language")
        .check(|rules| not_empty(rules))
        .each(|text| {
            Rule::parse_scene(&text, around.words, around.poses).map_err(|e| e.to_string())
        })
        .needed()
        .unwrap_or_default();
    let rule = Rule::all(rules);
    check(s, &rule, around);
    Some(timed(s, "scene.empty", When::Scene(rule), THIRD))
}

/// Reads a section `[count.NAME]`.
pub fn read_count(s: &mut Section, around: Surroundings) -> Option<Pose> {
    let pose = |name: String| index(&name, around.poses);
    let of = s
        .text("of", "the pose of which each entry counts")
        .example("\"squat\"")
        .without("`up` and `down`")
        .parse(pose)
        .maybe();
    let up = s
        .text("up", "the pose in which a repetition begins and ends")
        .example("\"standing\"")
        .without("`of`")
        .parse(pose)
        .maybe();
    let down = s
        .text(
            "down",
            "the pose to which it goes and from which it comes back",
        )
        .example("\"squat\"")
        .without("`of`")
        .parse(pose)
        .maybe();
    let goal = s
        .number(
            "goal",
            "from so many on it is entered, as a pose is, so that actions can follow it",
            1..=1_000_000u32,
        )
        .example("10")
        .without("never entered")
        .maybe();
    let reset_after = s
        .seconds(
            "reset_s",
            "it begins anew when nothing was counted for so long",
            0.1..=LONGEST_S,
        )
        .example("60")
        .without("never")
        .maybe();
    let reset_by = s
        .one_or_more("reset", "it begins anew when one of these poses is entered")
        .example("\"hands_up\"")
        .without("none")
        .each(pose)
        .maybe();
    let is_total = s
        .flag(
            "total",
            "counts what everybody does together, and not for each person: it goes on when somebody is lost and seen again",
        )
        .or(false);
    let given = ["of", "up", "down"].map(|key| s.given(key));
    let of = match given {
        [true, false, false] => {
            of.map(|pose| Repetition::Of(pose, Arc::clone(&around.poses[pose])))
        }
        [false, true, true] => up.zip(down).map(|(up, down)| Repetition::Between {
            up,
            down,
            names: (
                Arc::clone(&around.poses[up]),
                Arc::clone(&around.poses[down]),
            ),
        }),
        _ => {
            s.fault_with(
                "",
                "needs either `of`, or both `up` and `down`",
                "write of = \"squat\", or up = \"standing\" and down = \"squat\"",
            );
            None
        }
    };
    if let Some(Repetition::Between { up, down, .. }) = &of
        && up == down
    {
        s.fault_with(
            "down",
            "is the same pose as `up`",
            "name another pose, or write of = instead of both",
        );
    }
    let own = |of: &Repetition| match *of {
        Repetition::Of(pose, _) => vec![pose],
        Repetition::Between { up, down, .. } => vec![up, down],
    };
    let resets = reset_by.iter().flatten();
    if of
        .as_ref()
        .is_some_and(|of| resets.clone().any(|r| own(of).contains(r)))
    {
        s.fault_with(
            "reset",
            "is one of the poses that are counted: it would never come to two",
            "name another pose, or give reset_s = 60 instead",
        );
    }
    let count = Count {
        of: of.unwrap_or(Repetition::Of(0, "".into())),
        goal: goal.unwrap_or(0),
        reset_after,
        reset_by: reset_by.unwrap_or_default(),
        is_total,
        slot: 0,
        total: 0,
    };
    Some(timed(s, "count.squats", When::Count(count), Duration::ZERO))
}

const COOLDOWN: &str = "after it was left, it is not entered again for so long";

/// The keys that say when it is entered and left; without a line, after `hold`.
fn timed(s: &mut Section, example: &str, when: When, hold: Duration) -> Pose {
    let margin = "how far beyond a limit an active pose stays, in torso lengths";
    Pose {
        name: s.plain_name(example).into(),
        when,
        hold: s
            .seconds("hold_s", "shown for so long, it is entered", 0.0..=3600.0)
            .or(hold),
        release: s
            .seconds(
                "release_s",
                "not shown for so long, it is left",
                0.0..=3600.0,
            )
            .or(THIRD),
        cooldown: s
            .seconds("cooldown_s", COOLDOWN, 0.0..=LONGEST_S)
            .or(Duration::ZERO),
        repeat: s
            .seconds(
                "repeat_s",
                "while it lasts, a `hold` comes so often",
                0.05..=LONGEST_S,
            )
            .example("1.0")
            .without("no `hold`")
            .maybe(),
        margin: s.number("margin", margin, 0.001..=2.0).or(Pose::MARGIN),
        margin_deg: s
            .number("margin_deg", "the same for angles, in degrees", 0.1..=90.0)
            .or(Pose::MARGIN_DEG),
    }
}

fn not_empty(rules: &[String]) -> Result<(), String> {
    match rules {
        [] => Err("is empty: the pose would always be shown".into()),
        _ => Ok(()),
    }
}

/// Reads `when`.
fn rules(s: &mut Section, around: Surroundings) -> Vec<Rule> {
    let key = s
        .one_or_more("when", "the rules, all of which must hold")
        .example("[\"left_wrist above left_shoulder\"]")
        .hint("docs/rules.md has the language")
        .without("`like` or `sequence`")
        .check(|rules| not_empty(rules))
        .each(|text| Rule::parse(&text, around.words).map_err(|e| e.to_string()));
    key.maybe().unwrap_or_default()
}

/// Reads `like`.
fn like(s: &mut Section, around: Surroundings) -> Option<Rule> {
    let name = s
        .text("like", "a taught pose, by its name: docs/teaching.md")
        .example("\"tree\"")
        .without("`when` or `sequence`")
        .maybe()?;
    let rule = Rule::like(&name, around.words);
    rule.map_err(|e| s.fault_with("like", e.what, e.mend)).ok()
}

/// Reads `sequence` and `within_s`.
fn sequence(s: &mut Section, around: Surroundings) -> Option<Sequence> {
    let step = |text: String| -> Result<Step, String> {
        if let Some(pose) = around.poses.iter().position(|p| **p == *text) {
            return match around.sequences.get(pose) {
                Some(true) => Err(format!("{text:?} is a sequence itself: write its steps")),
                _ => Ok(Step::Pose(pose, Arc::clone(&around.poses[pose]))),
            };
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.chars().all(is_name) && text != "still" {
            return index(&text, around.poses).map(|pose| Step::Pose(pose, text.into()));
        }
        let rule = Rule::parse(&text, around.words).map_err(|e| e.to_string())?;
        Ok(Step::Rule(rule, text))
    };
    let steps = s
        .texts(
            "sequence",
            "poses of this file, by name, or rules, to be shown one after another",
        )
        .example("[\"hand_left\", \"hand_right\", \"hand_left\"]")
        .without("`when` or `like`")
        .check(|steps| match steps.len() {
            0 | 1 => Err("needs two steps at least".into()),
            n if n > Step::MOST => Err(format!("has {n} steps, at most {} are taken", Step::MOST)),
            _ => match steps.windows(2).find(|pair| pair[0] == pair[1]) {
                Some(pair) => Err(format!("has {:?} twice running", pair[0])),
                None => Ok(()),
            },
        })
        .each(step)
        .maybe();
    let within = s
        .seconds(
            "within_s",
            "with `sequence`: each step begins so long after the end of the one before at most",
            0.05..=3600.0,
        )
        .or(Duration::from_secs(1));
    let all_within = s
        .seconds(
            "all_within_s",
            "with `sequence`: from the end of the first step to the beginning of the last so long at most",
            0.05..=3600.0,
        )
        .example("3.0")
        .without("no limit")
        .maybe();
    let steps = steps?;
    for step in &steps {
        if let Step::Rule(rule, _) = step {
            check(s, rule, around);
        }
    }
    Some(Sequence {
        steps,
        within,
        all_within,
        slot: 0,
    })
}

/// What can be said of a rule before anybody was seen.
fn check(s: &Section, rule: &Rule, around: Surroundings) {
    let key = if s.given("sequence") {
        "sequence"
    } else {
        "when"
    };
    if !around.segments && rule.needs_cover() {
        s.fault_with(
            key,
            "person_area is known only with a segmentation network",
            "name one: a section [segment] with model = \"…\"; docs/models.md shows how",
        );
    }
    if let Some(why) = rule.contradiction(around.words.joints) {
        s.fault_with(
            key,
            format!("can never hold: {why}"),
            "change one of its parts, or write `or` where either will do; docs/rules.md has the language",
        );
    }
}

/// Whether taught poses can be told from each other.
fn trust(s: &Section, rule: &Rule, around: Surroundings, accept: bool) {
    let Some(taught) = around.words.taught else {
        return;
    };
    for name in rule.taught() {
        if let Err(doubt) = taught.trust(&name, around.words.mirror)
            && !accept
        {
            let key = if s.given("like") { "like" } else { "when" };
            s.fault_with(key, doubt.what, doubt.mend);
        }
    }
}

fn index(name: &str, poses: &[Arc<str>]) -> Result<usize, String> {
    let found = poses.iter().position(|p| **p == *name);
    found.ok_or_else(|| match poses {
        [] => format!("there is no pose {name:?}: the file has no section [pose.NAME]"),
        _ => format!(
            "there is no pose {name:?}; the poses are: {}",
            poses.join(", ")
        ),
    })
}
