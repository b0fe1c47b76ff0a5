//! After warm-up the road of a frame allocates nothing: decode, preprocess, find, inference, track,
//! recognise, act, JSON lines, scene, drawing and the hand-offs use their memory again.

use posed::act::Outputs;
use posed::capture::synthetic::SyntheticSettings;
use posed::capture::{Next, Pace, Source, Step};
use posed::config::{Config, Overrides, SAMPLE};
use posed::display::memory::Memory;
use posed::display::{Display, Live, Parts, Scene};
use posed::frame::{Frame, PixelFormat};
use posed::geometry::Size;
use posed::infer::Infer;
use posed::pipeline::handoff::Queue;
use posed::pipeline::road::Road;
use posed::report::{Needs, Report, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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
    run_on(SAMPLE, None);
}

#[test]
fn decoding_a_cameras_jpegs_allocates_nothing_after_warm_up() {
    run_on(SAMPLE, Some("photos/basketball.jpg"));
}

#[test]
fn a_finder_network_that_looks_all_the_time_allocates_nothing() {
    let text = format!("{SAMPLE}\n[find]\nkind = \"network\"\nlook_again_s = 0.1\n");
    run_on(&text, None);
}

#[test]
fn rules_over_time_and_place_and_taught_poses_allocate_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("poses")).unwrap();
    let joints = posed::skeleton::COCO_17.into_iter().enumerate();
    let joints: String = joints
        .map(|(i, name)| format!("{name} = [{}.0, {}.5, 0.9]\n", i % 3, i))
        .collect();
    let taught = format!("format = 1\n[[example]]\n{joints}");
    std::fs::write(folder.path().join("poses/tree.toml"), taught).unwrap();
    let text = format!(
        "{SAMPLE}\n\
         [zone.left]\npoints = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]\n\
         [pose.time]\nwhen = \"still for 1 or speed(nose) > 2 or changed(any_hand in left) within 3\"\n\
         [pose.place]\nwhen = \"person in left or mid_hip outside left\"\n\
         [pose.tree]\nlike = \"tree\"\nmirror = true\naccept = true\n\
         [pose.steps]\nsequence = [\"place\", \"still for 0.5\"]\n\
         [count.steps_taken]\nof = \"place\"\ngoal = 1\n\
         [count.all]\nof = \"place\"\ntotal = true\n\
         [scene.many]\nwhen = \"people in left > 0 and any(place) for 1\"\n\
         [action.all]\nkind = \"memory\"\npose = \"place\"\nwho = \"all\"\n"
    );
    run_beside(folder.path(), &text, None);
}

/// `jpeg`: each frame comes as this file.
fn run_on(text: &str, jpeg: Option<&str>) {
    run_beside(Path::new(""), text, jpeg);
}

/// The same with a configuration that lies in `folder`.
fn run_beside(folder: &Path, text: &str, jpeg: Option<&str>) {
    let jpeg = jpeg.map(|path| std::fs::read(path).unwrap());
    let script = vec![Step::parse("photo photos/basketball.jpg 100000").unwrap()];
    let source = Arc::new(SyntheticSettings::new(Size::new(640, 480), 30.0, script));
    let overrides = Overrides {
        source: Some(source.clone()),
        ..Overrides::default()
    };
    let config = Config::parse(text, &folder.join("sample"), &overrides).unwrap();

    let mut source = source.open(Pace::Recorded).unwrap();
    let outputs = Outputs::noted(&config.outputs).0;
    let mut road = Road::new(Infer::new(&config).unwrap(), outputs);
    let frames = Queue::<Frame>::new(1);
    let mut captured = Frame::default();
    let mut frame = Frame::default();
    let mut screen = Memory::new(Size::new(320, 240));
    let parts = Parts {
        boxes: true,
        zones: true,
        ..Parts::default()
    };
    let pictures = Queue::<Report>::new(1);
    let mut to_draw = Report::default();
    let mut drawn = Report::default();
    let lines = Queue::<Report>::new(256);
    let mut to_write = Report::default();
    let mut written = Report::default();
    let mut out = Vec::new();
    let told = Needs {
        frames: true,
        events: true,
        ..Needs::default()
    };
    let shown = Needs {
        frames: true,
        picture: true,
        masks: true,
        ..Needs::default()
    };
    let mut step = || {
        assert_eq!(source.next(&mut captured).unwrap(), Next::Frame);
        if let Some(jpeg) = &jpeg {
            captured.data.clear();
            captured.data.extend_from_slice(jpeg);
            captured.set_shape(captured.size, PixelFormat::Mjpeg);
        }
        frames.put(&mut captured);
        frames.take(&mut frame, Duration::ZERO);
        road.frame(&mut frame).unwrap();
        road.tell(&frame, Some(30.0), told, &mut to_write);
        to_write.wall = Some(SystemTime::now());
        lines.put(&mut to_write);
        lines.take(&mut written, Duration::ZERO);
        out.clear();
        json::write(&mut out, &written, true);
        road.tell(&frame, Some(30.0), shown, &mut to_draw);
        pictures.put(&mut to_draw);
        pictures.take(&mut drawn, Duration::ZERO);
        let live = Live::picture(&drawn, parts);
        screen.show(&Scene::Live(live)).unwrap();
        drawn.people.len()
    };
    for _ in 0..100 {
        step();
    }
    let mut seen = 0;
    let total = allocations(|| seen = (0..130).map(|_| step()).sum::<usize>());
    assert!(seen >= 130, "somebody is followed all the time: {seen}");
    assert_eq!(total, 0, "allocations in 130 frames");
}
