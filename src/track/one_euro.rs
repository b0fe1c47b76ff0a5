//! The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): steady at rest, quick in motion.
//!
//! In: a noisy coordinate with its time. Out: a smooth one. Time comes from the frames, so a replay
//! smooths as the day did.

use super::TrackSettings;
use crate::geometry::Point;
use crate::skeleton::Skeleton;
use std::f32::consts::TAU;
use std::time::Duration;

/// Cut-off for the speed itself, in hertz (the paper's d_cutoff).
const SPEED_CUTOFF_HZ: f32 = 1.0;

/// Smooths the joints of one person.
#[derive(Debug, Clone, Default)]
pub struct SkeletonFilter {
    joints: Vec<Option<Joint>>,
    last: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Joint {
    position: Point,
    /// Pixels a second.
    speed: Point,
}

fn share(cutoff_hz: f32, dt_s: f32) -> f32 {
    let r = TAU * cutoff_hz * dt_s;
    r / (r + 1.0)
}

pub(super) fn towards(from: Point, to: Point, share: f32) -> Point {
    Point::new(
        from.x + (to.x - from.x) * share,
        from.y + (to.y - from.y) * share,
    )
}

impl SkeletonFilter {
    /// Forgets everything, for a new person; keeps its room.
    pub fn reset(&mut self) {
        self.joints.clear();
        self.last = None;
    }

    /// Smooths `skeleton` in place. `body_px` is the person's height in pixels, by which speeds are
    /// measured. A joint that was unseen starts afresh where it comes back; so do all when time
    /// stands still or runs backwards.
    pub fn smooth(
        &mut self,
        time: Duration,
        body_px: f32,
        settings: &TrackSettings,
        skeleton: &mut Skeleton,
    ) {
        if settings.min_cutoff_hz <= 0.0 {
            return;
        }
        let dt_s = self
            .last
            .and_then(|last| time.checked_sub(last))
            .map_or(0.0, |d| d.as_secs_f32());
        self.last = Some(time);
        self.joints.resize(skeleton.keypoints.len(), None);
        for (joint, keypoint) in self.joints.iter_mut().zip(&mut skeleton.keypoints) {
            if !settings.visible.sees(keypoint) {
                *joint = None;
                continue;
            }
            let raw = keypoint.position;
            let Some(state) = joint.as_mut().filter(|_| dt_s > 0.0) else {
                *joint = Some(Joint {
                    position: raw,
                    speed: Point::default(),
                });
                continue;
            };
            let now = Point::new(
                (raw.x - state.position.x) / dt_s,
                (raw.y - state.position.y) / dt_s,
            );
            state.speed = towards(state.speed, now, share(SPEED_CUTOFF_HZ, dt_s));
            let bodies_a_second = state.speed.distance(Point::default()) / body_px.max(1.0);
            let cutoff_hz = settings.min_cutoff_hz + settings.beta * bodies_a_second;
            state.position = towards(state.position, raw, share(cutoff_hz, dt_s));
            keypoint.position = state.position;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::Keypoint;
    use proptest::prelude::*;

    fn run(xs: &[f32], dt_ms: u64) -> Vec<f32> {
        let mut filter = SkeletonFilter::default();
        xs.iter()
            .enumerate()
            .map(|(i, &x)| {
                let mut s = Skeleton {
                    keypoints: vec![Keypoint {
                        position: Point::new(x, 0.0),
                        score: 1.0,
                    }],
                };
                filter.smooth(
                    Duration::from_millis(i as u64 * dt_ms),
                    200.0,
                    &TrackSettings::default(),
                    &mut s,
                );
                s.keypoints[0].position.x
            })
            .collect()
    }

    proptest! {
        #[test]
        fn the_result_stays_between_the_lowest_and_the_highest_input(xs in prop::collection::vec(-500f32..500.0, 1..60), dt in 1u64..500) {
            let (low, high) = xs.iter().fold((f32::MAX, f32::MIN), |(l, h), &x| (l.min(x), h.max(x)));
            for y in run(&xs, dt) {
                prop_assert!(y >= low - 0.01 && y <= high + 0.01);
            }
        }

        #[test]
        fn a_joint_at_rest_shakes_less_than_its_noise(noise in prop::collection::vec(-2f32..2.0, 60..61)) {
            let xs: Vec<f32> = noise.iter().map(|n| 100.0 + n).collect();
            let shake = |v: &[f32]| v.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f32>();
            prop_assert!(shake(&run(&xs, 33)) < 0.6 * shake(&xs) + 0.01);
        }
    }

    #[test]
    fn a_fast_joint_lags_by_less_than_a_tenth_of_a_second() {
        let xs: Vec<f32> = (0..60).map(|i| i as f32 * 10.0).collect();
        let y = run(&xs, 33);
        assert!(xs[59] - y[59] < 300.0 * 0.1, "{}", xs[59] - y[59]);
    }

    #[test]
    fn time_that_runs_backwards_starts_afresh() {
        let mut filter = SkeletonFilter::default();
        for (ms, x) in [(1000, 10.0), (500, 90.0), (500, 30.0)] {
            let mut s = Skeleton {
                keypoints: vec![Keypoint {
                    position: Point::new(x, 0.0),
                    score: 1.0,
                }],
            };
            filter.smooth(
                Duration::from_millis(ms),
                200.0,
                &TrackSettings::default(),
                &mut s,
            );
            assert_eq!(s.keypoints[0].position.x, x);
        }
    }
}
