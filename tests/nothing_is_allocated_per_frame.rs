//! After warm-up the road of a frame allocates nothing: decode, preprocess, find, inference, track,
//! recognise, act, JSON lines, scene, drawing and the hand-offs use their memory again.

use posed::act::Outputs;
use posed::capture::{self, Next, Pace, SourceSettings, Step};
use posed::config::{Config, Overrides, SAMPLE};
use posed::display::memory::Memory;
use posed::display::{Display, Scene, SceneOptions};
use posed::frame::Frame;
use posed::geometry::Size;
use posed::infer::Infer;
use posed::pipeline::handoff::{Latest, Lines};
use posed::pipeline::road::Road;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

struct Counting;

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

fn count() {
    // A thread that is ending has no counter any more; it is none that is tested.
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every call is handed to the system's allocator as it is; only a number is counted beside
// it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        unsafe { System.dealloc(p, layout) }
    }
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(p, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_main_loop_allocates_nothing_after_warm_up() {
    let script = vec![Step::parse("photo photos/basketball.jpg 100000").unwrap()];
    let source = SourceSettings::Synthetic {
        size: Size::new(640, 480),
        fps: 30.0,
        script,
    };
    let overrides = Overrides {
        source: Some(source.clone()),
        ..Overrides::default()
    };
    let config = Config::parse(SAMPLE, Path::new("sample"), &overrides).unwrap();

    let mut source = capture::open(&source, Pace::Recorded).unwrap();
    let mut road = Road::new(Infer::new(&config).unwrap(), Outputs::default(), true);
    let keypoints = road.infer.keypoints().clone();
    let frames = Latest::<Frame>::default();
    let scenes = Latest::<Scene>::default();
    let lines = Lines::default();
    let mut screen = Memory::new(Size::new(320, 240));
    let mut captured = Frame::default();
    let mut frame = Frame::default();
    let mut out = Vec::new();
    let show = SceneOptions {
        boxes: true,
        ..SceneOptions::default()
    };
    let mut scene = Scene::new(show);
    let mut drawn = Scene::new(show);
    let mut step = || {
        assert_eq!(source.next(&mut captured).unwrap(), Next::Frame);
        frames.put(&mut captured);
        frames.take(&mut frame, Duration::ZERO);
        road.frame(&mut frame).unwrap();
        lines.put(&road.events);
        lines.put(&road.frame_line);
        while lines.take(&mut out, Duration::ZERO) == posed::pipeline::handoff::Taken::Item {}
        road.fill_scene(&frame, Some(30.0), &mut scene);
        scenes.put(&mut scene);
        scenes.take(&mut drawn, Duration::ZERO);
        screen.show(&drawn, &keypoints, 0.25).unwrap();
        road.infer.seen(frame.time).count()
    };
    for _ in 0..100 {
        step();
    }
    let mut seen = 0;
    let total = allocations(|| seen = (0..130).map(|_| step()).sum::<usize>());
    assert_eq!(seen, 130, "the person is followed all the time");
    assert_eq!(total, 0, "allocations in 130 frames");
}
