//! A lowered plan is kept on disk and gives the same heatmaps; one that is damaged, stale or
//! another's is made anew.

use posed::engine::cache::{Miss, Slot};
use posed::engine::{Loading, Network, OnnxFile, Origin, kernels::Isa};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small int8 network whose Elu runs on tract, so that its plan holds a foreign node too.
const SMALL: &str = "lite_elu.int8";
const OTHER: &str = "lite.int8";

fn file(name: &str) -> OnnxFile {
    OnnxFile::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/engine/{name}.onnx")))
        .unwrap()
}

fn load(name: &str, cache: Option<&Path>) -> Network {
    Network::from_file(
        &file(name),
        96,
        128,
        17,
        Loading {
            isa: Isa::best(),
            threads: 1,
            cache,
        },
    )
    .unwrap()
}

fn slot(name: &str, directory: &Path) -> Slot {
    Slot::new(directory, file(name).sha256(), 96, 128)
}

/// The bits of a network's heatmaps on a fixed picture.
fn heatmaps(mut network: Network) -> Vec<u32> {
    let picture: Vec<f32> = (0..network.input_len())
        .map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0)
        .collect();
    let mut heatmaps = Vec::new();
    network.run(&picture, &mut heatmaps).unwrap();
    heatmaps.into_iter().map(f32::to_bits).collect()
}

/// A directory that holds the plan of `name`, its path and its bytes.
fn filled(name: &str) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(load(name, Some(dir.path())).origin(), Origin::Onnx);
    let path = slot(name, dir.path()).path();
    let bytes = fs::read(&path).unwrap();
    (dir, path, bytes)
}

/// What lies in the cache is passed over, the heatmaps are right, and the next load finds a good
/// plan.
fn assert_made_anew(directory: &Path, right: &[u32], what: &str) {
    let network = load(SMALL, Some(directory));
    assert_eq!(network.origin(), Origin::Onnx, "{what}");
    assert!(heatmaps(network) == right, "{what}: other heatmaps");
    assert_eq!(
        load(SMALL, Some(directory)).origin(),
        Origin::Cache,
        "{what}: no good plan afterwards"
    );
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_hit_gives_the_same_bits_and_the_same_foreign_nodes() {
    for name in [
        "mobile",
        "mobile.int8",
        "lite.int8",
        "lite_elu.int8",
        "lite_pool.int8",
    ] {
        let (dir, _, _) = filled(name);
        let plain = load(name, None);
        let hit = load(name, Some(dir.path()));
        assert_eq!(
            (plain.origin(), hit.origin()),
            (Origin::Onnx, Origin::Cache),
            "{name}"
        );
        assert_eq!(plain.foreign(), hit.foreign(), "{name}");
        assert_eq!(plain.heatmap_shape(), hit.heatmap_shape(), "{name}");
        assert!(heatmaps(plain) == heatmaps(hit), "{name}: other heatmaps");
    }
    assert!(!load(SMALL, None).foreign().is_empty());
}

#[test]
fn a_hit_serves_every_instruction_set() {
    let (dir, _, _) = filled(SMALL);
    let right = heatmaps(load(SMALL, None));
    for isa in Isa::available() {
        let loading = Loading {
            isa,
            threads: 1,
            cache: Some(dir.path()),
        };
        let network = Network::from_file(&file(SMALL), 96, 128, 17, loading).unwrap();
        assert_eq!(network.origin(), Origin::Cache);
        assert!(heatmaps(network) == right, "{isa:?}");
    }
}

#[test]
fn a_plan_with_another_number_of_joints_is_refused_like_the_file() {
    let (dir, _, _) = filled(SMALL);
    let loading = Loading {
        isa: Isa::best(),
        threads: 1,
        cache: Some(dir.path()),
    };
    let error = Network::from_file(&file(SMALL), 96, 128, 5, loading)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("1 x 5 x height x width"), "{error}");
}

#[test]
fn a_truncated_or_lengthened_plan_is_made_anew() {
    let (dir, path, bytes) = filled(SMALL);
    let right = heatmaps(load(SMALL, None));
    for len in (0..bytes.len())
        .step_by(61)
        .chain(0..256)
        .chain(bytes.len() - 64..bytes.len())
    {
        fs::write(&path, &bytes[..len]).unwrap();
        assert!(slot(SMALL, dir.path()).read().is_err(), "{len} bytes");
    }
    for len in [0, 1, 200, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..len]).unwrap();
        assert_made_anew(dir.path(), &right, &format!("{len} bytes"));
    }
    fs::write(&path, [&bytes[..], b"x"].concat()).unwrap();
    assert_made_anew(dir.path(), &right, "one byte more");
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn a_plan_with_one_wrong_bit_is_made_anew() {
    let (dir, path, bytes) = filled(SMALL);
    let right = heatmaps(load(SMALL, None));
    for (n, at) in (0..bytes.len()).step_by(97).chain(0..256).enumerate() {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1 << (n % 8);
        fs::write(&path, &wrong).unwrap();
        assert!(slot(SMALL, dir.path()).read().is_err(), "byte {at}");
        if n % 25 == 0 {
            assert_made_anew(dir.path(), &right, &format!("byte {at}"));
        }
    }
}

#[test]
fn a_plan_of_another_build_model_or_size_is_made_anew() {
    let (dir, path, bytes) = filled(SMALL);
    let right = heatmaps(load(SMALL, None));
    let build = bytes.iter().position(|&b| b == b'\n').unwrap() + 1;
    let older = [&bytes[..build], b"0", &bytes[build..]].concat();
    let (_other, _, others) = filled(OTHER);
    for (what, wrong) in [("another build", older), ("another model", others)] {
        fs::write(&path, wrong).unwrap();
        assert!(
            matches!(slot(SMALL, dir.path()).read(), Err(Miss::Stale)),
            "{what}"
        );
        assert_made_anew(dir.path(), &right, what);
    }
    let other_size = Slot::new(dir.path(), file(SMALL).sha256(), 128, 96);
    assert!(matches!(other_size.read(), Err(Miss::Absent)));
    fs::rename(&path, other_size.path()).unwrap();
    assert!(matches!(other_size.read(), Err(Miss::Stale)));
}

#[test]
fn a_huge_length_with_a_right_checksum_allocates_nothing_and_is_made_anew() {
    use sha2::{Digest, Sha256};
    let (dir, path, bytes) = filled(SMALL);
    let right = heatmaps(load(SMALL, None));
    let head = bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'\n')
        .nth(3)
        .unwrap()
        .0
        + 1;
    // postcard's lengths are numbers of seven bits a byte: a list of 2^56 texts.
    let payload = [0xff; 8].into_iter().chain([0x01]).collect::<Vec<u8>>();
    let signed = [
        &bytes[..head],
        &(payload.len() as u64).to_le_bytes(),
        &Sha256::digest(&payload)[..],
        &payload,
    ]
    .concat();
    fs::write(&path, signed).unwrap();
    assert!(matches!(
        slot(SMALL, dir.path()).read(),
        Err(Miss::Damaged("it holds no plan"))
    ));
    assert_made_anew(dir.path(), &right, "a huge length");
}

#[test]
fn what_cannot_be_read_or_written_only_costs_time() {
    let right = heatmaps(load(SMALL, None));
    let dir = tempfile::tempdir().unwrap();
    // A directory and a pipe in the plan's place, a loop of links, a cache under a file, in /proc,
    // and one that nobody may write.
    let [as_directory, as_pipe, as_loop] =
        ["directory", "pipe", "loop"].map(|n| dir.path().join(n));
    fs::create_dir_all(slot(SMALL, &as_directory).path()).unwrap();
    for directory in [&as_pipe, &as_loop] {
        fs::create_dir(directory).unwrap();
    }
    assert!(
        Command::new("mkfifo")
            .arg(slot(SMALL, &as_pipe).path())
            .status()
            .unwrap()
            .success()
    );
    std::os::unix::fs::symlink(slot(SMALL, &as_loop).path(), slot(SMALL, &as_loop).path()).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let never_kept = [
        as_directory,
        dir.path().join("file/plans"),
        "/proc/plans".into(),
    ];
    for cache in never_kept.iter().chain([&as_pipe, &as_loop, &closed]) {
        let network = load(SMALL, Some(cache));
        assert_eq!(network.origin(), Origin::Onnx, "{}", cache.display());
        assert!(heatmaps(network) == right, "{}", cache.display());
    }
    for cache in &never_kept {
        assert_eq!(
            load(SMALL, Some(cache)).origin(),
            Origin::Onnx,
            "{}",
            cache.display()
        );
    }
    // A rename replaces the pipe and the loop.
    assert_eq!(
        [as_pipe, as_loop].map(|c| load(SMALL, Some(&c)).origin()),
        [Origin::Cache; 2]
    );
    assert_eq!(files(&never_kept[0]).len(), 1, "no half-written file stays");
}

#[test]
fn eight_threads_at_once_are_all_right_and_leave_one_good_plan() {
    let dir = tempfile::tempdir().unwrap();
    let right = heatmaps(load(SMALL, None));
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..4 {
                    assert!(heatmaps(load(SMALL, Some(dir.path()))) == right);
                }
            });
        }
    });
    assert_eq!(load(SMALL, Some(dir.path())).origin(), Origin::Cache);
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn four_processes_at_once_print_the_same_and_leave_one_good_plan() {
    let dir = tempfile::tempdir().unwrap();
    let image = || {
        Command::new(env!("CARGO_BIN_EXE_posed"))
            .args([
                "image",
                "photos/basketball.jpg",
                "--model",
                "lite_hrnet_18",
                "--box",
                "34,76,152,404",
            ])
            .env("CACHE_DIRECTORY", dir.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let end = |child: std::process::Child| {
        let out = child.wait_with_output().unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        out.stdout
    };
    let first: Vec<Vec<u8>> = [image(), image(), image(), image()].map(end).into();
    assert!(first[0].len() > 100 && first.iter().all(|out| *out == first[0]));
    assert_eq!(files(dir.path()).len(), 1);
    let onnx = OnnxFile::read("models/lite_hrnet_18.onnx".as_ref()).unwrap();
    Slot::new(dir.path(), onnx.sha256(), 192, 256)
        .read()
        .unwrap();
    assert!(
        end(image()) == first[0],
        "from the cache it prints something else"
    );
}

#[test]
fn the_directory_is_tidied_of_old_plans_and_of_nothing_else() {
    let (dir, path, bytes) = filled(SMALL);
    let name = path.file_name().unwrap().to_str().unwrap().to_string();
    let hours_ago =
        |n: u64| std::time::SystemTime::now() - std::time::Duration::from_secs(n * 3600);
    let put = |name: &str, bytes: &[u8], hours: u64| {
        fs::write(dir.path().join(name), bytes).unwrap();
        fs::File::open(dir.path().join(name))
            .unwrap()
            .set_modified(hours_ago(hours))
            .unwrap();
    };
    let of_this_build = name.replace("96x128", "64x64");
    put(&of_this_build, &bytes, 9);
    put(
        &name.replace("96x128", "32x32"),
        b"posed plan\n0.0.1 of another build\n",
        1,
    );
    put(&format!(".{name}.1.0"), b"of a killed process", 2);
    put(&format!(".{name}.1.1"), b"of a process at work", 0);
    for strange in ["notes.txt", "my.plan", ".hidden"] {
        put(strange, b"somebody's", 1000);
    }
    let others: Vec<String> = (0..9)
        .map(|i| format!("{}-96x128.plan", format!("{i:x}").repeat(64)))
        .collect();
    for (i, other) in others.iter().enumerate() {
        put(other, b"of another model", 100 + i as u64);
    }
    fs::remove_file(&path).unwrap();
    load(SMALL, Some(dir.path()));
    let mut left: Vec<String> = ["notes.txt", "my.plan", ".hidden"].map(String::from).into();
    left.extend([name.clone(), of_this_build, format!(".{name}.1.1")]);
    // Eight plans stay: the new one, this model's other size, and the six newest others.
    left.extend_from_slice(&others[..6]);
    left.sort();
    assert_eq!(files(dir.path()), left);
}
