//! Who does what when: steps that need nothing of each other form a stage, whose work is shared out
//! over the members of a team.
//!
//! In: what every step reads and writes, its work and parts. Out: rounds, each with a queue of
//! pieces for every member. The branches of a Lite-HRNet module (arXiv 2104.06403, figure 2) are
//! independent until they are fused, so its 500 steps make 200 stages.

use std::ops::Range;

/// Bytes of a buffer that a step reads or writes.
#[derive(Debug, Clone)]
pub struct Touch {
    pub buffer: usize,
    /// From the first byte to the last.
    pub bytes: Range<usize>,
    /// Bytes from one pixel to the next.
    pub pixel: usize,
    /// Where in each pixel it lies: first byte and count.
    pub channels: (usize, usize),
}

impl Touch {
    /// Whether the two span a common byte, gaps between pixels included: readers look at those,
    /// too.
    pub fn meets(&self, other: &Self) -> bool {
        self.buffer == other.buffer
            && self.bytes.start < other.bytes.end
            && other.bytes.start < self.bytes.end
    }

    /// Whether two writers touch a common byte; they leave the gaps between their pixels alone.
    fn clashes(&self, other: &Self) -> bool {
        let ((a, m), (b, n)) = (self.channels, other.channels);
        let beside = self.pixel == other.pixel
            && (a + m <= b || b + n <= a)
            && a.max(b) + if a > b { m } else { n } <= self.pixel;
        self.meets(other) && !beside
    }
}

/// Parts of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    pub step: usize,
    pub parts: Range<usize>,
}

/// What one member does at a stretch.
pub type Piece = Vec<Share>;

/// The rounds of a team.
#[derive(Debug)]
pub struct Schedule {
    /// The stage of every step: after those of all steps that it needs.
    stages: Vec<usize>,
    /// By round and member: the pieces that a member does unless another comes first.
    pub rounds: Vec<Vec<Vec<Piece>>>,
}

/// Less work than this is not cut: the pieces would cost more than they save. In the unit of
/// `Spec::work`.
const WORTH_CUTTING: f64 = 4000.0;

/// A stage of less work is left to member 0, so that no barrier stands between it and the next such
/// stage.
const WORTH_SHARING: f64 = 2000.0;

/// As much work makes a piece of a large step: what others may wait for when a member is held up.
const PIECE: f64 = 20000.0;

impl Schedule {
    /// `touches` are the reads and writes of every step in an order that works, `work` its work and
    /// its parts.
    pub fn new(touches: &[[Vec<Touch>; 2]], work: &[(f64, usize)], members: usize) -> Self {
        let stages = if members > 1 {
            stages(touches)
        } else {
            (0..touches.len()).collect()
        };
        let mut rounds: Vec<Vec<Vec<Piece>>> = Vec::new();
        // Whether the last round is one piece.
        let mut solo = false;
        for stage in 0..stages.iter().max().map_or(0, |last| last + 1) {
            let steps: Vec<usize> = (0..stages.len()).filter(|&i| stages[i] == stage).collect();
            let alone =
                members == 1 || steps.iter().map(|&s| work[s].0).sum::<f64>() < WORTH_SHARING;
            if !alone {
                rounds.push(share_out(&steps, work, members));
            } else {
                let whole: Piece = steps
                    .iter()
                    .map(|&step| Share {
                        step,
                        parts: 0..work[step].1,
                    })
                    .collect();
                match rounds.last_mut() {
                    Some(round) if solo => round[0][0].extend(whole),
                    _ => rounds.push(
                        (0..members)
                            .map(|m| {
                                if m == 0 {
                                    vec![whole.clone()]
                                } else {
                                    Vec::new()
                                }
                            })
                            .collect(),
                    ),
                }
            }
            solo = alone;
        }
        Self { stages, rounds }
    }

    /// The first and the last stage that touches each of `buffers` buffers.
    pub fn lives(&self, touches: &[[Vec<Touch>; 2]], buffers: usize) -> Vec<(usize, usize)> {
        let mut lives = vec![(usize::MAX, 0); buffers];
        for (touches, &stage) in touches.iter().zip(&self.stages) {
            for touch in touches.iter().flatten() {
                let (first, last) = &mut lives[touch.buffer];
                *first = (*first).min(stage);
                *last = (*last).max(stage);
            }
        }
        lives
    }
}

/// The earliest stage of every step.
fn stages(touches: &[[Vec<Touch>; 2]]) -> Vec<usize> {
    let mut stages: Vec<usize> = Vec::with_capacity(touches.len());
    for (i, [reads, writes]) in touches.iter().enumerate() {
        let needs = |[other_reads, other_writes]: &[Vec<Touch>; 2]| {
            other_writes
                .iter()
                .any(|w| reads.iter().any(|r| r.meets(w)) || writes.iter().any(|o| o.clashes(w)))
                || other_reads
                    .iter()
                    .any(|r| writes.iter().any(|w| w.meets(r)))
        };
        stages.push(
            (0..i)
                .filter(|&j| needs(&touches[j]))
                .map(|j| stages[j] + 1)
                .max()
                .unwrap_or(0),
        );
    }
    stages
}

/// The pieces of one stage, by member. Large steps are cut so that all members have the same work,
/// small ones go to who has least.
fn share_out(steps: &[usize], work: &[(f64, usize)], members: usize) -> Vec<Vec<Piece>> {
    let mut queues = vec![Vec::new(); members];
    let mut load = vec![0f64; members];
    let mut large_first = steps.to_vec();
    large_first.sort_by(|&a, &b| work[b].0.total_cmp(&work[a].0));
    for step in large_first {
        let (cost, parts) = work[step];
        if parts == 1 || cost < WORTH_CUTTING {
            let least = (0..members)
                .min_by(|&a, &b| load[a].total_cmp(&load[b]))
                .unwrap_or(0);
            load[least] += cost;
            queues[least].push(vec![Share {
                step,
                parts: 0..parts,
            }]);
            continue;
        }
        // What each member lacks of an equal share; who has more than that already lacks nothing.
        let target = (load.iter().sum::<f64>() + cost) / members as f64;
        let lacks: Vec<f64> = load.iter().map(|l| f64::max(target - l, 0.0)).collect();
        let all: f64 = lacks.iter().sum();
        let mut sum = 0.0;
        let mut from = 0;
        for member in 0..members {
            sum += lacks[member];
            let to = if member + 1 == members {
                parts
            } else {
                ((sum / all * parts as f64).round() as usize).clamp(from, parts)
            };
            if to > from {
                let mine = cost * (to - from) as f64 / parts as f64;
                load[member] += mine;
                queues[member].extend(
                    cut(from..to, (mine / PIECE).ceil() as usize)
                        .map(|parts| vec![Share { step, parts }]),
                );
            }
            from = to;
        }
    }
    queues
}

/// Cuts `parts` into `count` pieces that are as equal as can be.
fn cut(parts: Range<usize>, count: usize) -> impl Iterator<Item = Range<usize>> {
    let count = count.clamp(1, parts.len());
    let at = move |i: usize| parts.start + parts.len() * i / count;
    (0..count).map(move |i| at(i)..at(i + 1))
}
