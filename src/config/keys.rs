//! Every key of the configuration with what to write there. In: a dotted key. Out: the mend for an error on it.

/// Last parts of keys, with what they take. `*` in the place of a section stands for a name of the user's.
const KEYS: [(&str, &str); 43] = [
    ("model", "write the name of a model, for example model = \"wider_naive_lite_hrnet_18\"; `posed models` lists them"),
    ("threads", "write how many processors an inference may use, 1 to 16, for example threads = 2"),
    (
        "cache",
        "write a directory, which is made if it is missing, for example cache = \"/var/cache/posed\"; cache = \"\" keeps no plans",
    ),
    ("grace_s", "give seconds, 0.1 or more, after which outputs are released when no frame comes, for example grace_s = 2.0"),
    ("visible", "give a joint score, 0.05 to 0.95, for example visible = 0.25"),
    ("source", "write a section [source] with kind = \"v4l2\", \"photo\", \"clip\", \"stdin\" or \"synthetic\""),
    ("source.kind", "write kind = \"v4l2\", \"photo\", \"clip\", \"stdin\" or \"synthetic\""),
    ("source.device", "write the camera's device file, for example device = \"/dev/video0\"; `posed doctor` lists them"),
    ("source.path", "write the path of a photo, clip or folder, for example path = \"clip.y4m\""),
    ("source.width", "give whole pixels, 16 to 8192, together with height, for example width = 640"),
    ("source.height", "give whole pixels, 16 to 8192, together with width, for example height = 480"),
    ("source.fps", "give frames a second, 0.5 to 240, for example fps = 30.0"),
    ("source.format", "write format = \"yuyv\", \"nv12\" or \"mjpeg\""),
    ("source.repeat", "write repeat = true or repeat = false"),
    ("source.script", "write a list of steps, for example script = [\"frames 30\", \"stall 2\", \"end\"]"),
    (
        "segment.model",
        "write the name of a segmentation network, for example model = \"/etc/posed/person.toml\"; models/README.md tells how to make one",
    ),
    ("find.boxes", "write boxes as [x, y, width, height] in pixels, for example boxes = [[0, 0, 320, 480]]"),
    ("find.kind", "write kind = \"windows\", \"whole_frame\" or \"given\""),
    ("find.smallest", "give the smallest person's share of the picture's height, 0.1 to 1, for example smallest = 0.45"),
    ("find.acquire_score", "give a score, 0.05 to 0.95, from which a find counts as a person, for example acquire_score = 0.35"),
    ("find.keep_score", "give a score below acquire_score under which a person is lost, for example keep_score = 0.2"),
    ("find.look_again_s", "give seconds, 0.1 or more, for example look_again_s = 2.0"),
    ("smooth.min_cutoff_hz", "give hertz, 0 (no smoothing) to 100, for example min_cutoff_hz = 1.5"),
    ("smooth.beta", "give 0 to 1000, for example beta = 6.0"),
    ("smooth.forget_s", "give seconds, 0 to 3600, for example forget_s = 1.0"),
    (
        "pose.*.when",
        "write one or more rules, for example when = [\"left_wrist above left_shoulder\"]; docs/rules.md has the language",
    ),
    ("pose.*.hold_s", "give seconds, 0 to 3600, for example hold_s = 0.5"),
    ("pose.*.release_s", "give seconds, 0 to 3600, for example release_s = 0.3"),
    ("pose.*.cooldown_s", "give seconds, 0 to 86400, for example cooldown_s = 5.0"),
    ("pose.*.repeat_s", "give seconds, 0.05 or more, for example repeat_s = 1.0"),
    ("pose.*.margin", "give torso lengths, 0.001 to 2, for example margin = 0.1"),
    ("pose.*.margin_deg", "give degrees, 0.1 to 90, for example margin_deg = 10.0"),
    ("action.*.kind", "write kind = \"gpio\", \"command\" or \"memory\""),
    ("action.*.pose", "write the name of a pose of this file, or a list of names, for example pose = \"hands_up\""),
    ("action.*.line", "write the line's name, for example line = \"GPIO17\"; `gpioinfo` lists them"),
    ("action.*.offset", "write chip = \"gpiochip0\" and offset = 17 where lines have no names"),
    ("action.*.mode", "write mode = \"follow\", \"pulse\" (with pulse_ms) or \"latch\""),
    ("action.*.pulse_ms", "give milliseconds, 1 to 3600000, for example pulse_ms = 200"),
    ("action.*.argv", "write the program and its arguments, for example argv = [\"/usr/bin/aplay\", \"bell.wav\"]"),
    ("action.*.time_limit_s", "give seconds, 0.1 to 86400, for example time_limit_s = 10.0"),
    ("display.*.kind", "write kind = \"framebuffer\", \"png\" or \"memory\""),
    (
        "display.*.show",
        "write a list of picture, mask, skeleton, boxes, poses, fps, for example show = [\"picture\", \"skeleton\"]",
    ),
    ("publish.*.kind", "write kind = \"stdout\", \"file\" or \"socket\" (the last two with path)"),
];

/// What to write at `key`.
pub fn mend(key: &str) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    let fits = |pattern: &str| {
        let p: Vec<&str> = pattern.split('.').collect();
        p.len() == parts.len() && p.iter().zip(&parts).all(|(a, b)| *a == "*" || a == b)
    };
    let found = KEYS.iter().find(|(pattern, _)| fits(pattern));
    found.map_or_else(|| format!("config/posed.toml shows `{}` in use", parts.last().unwrap_or(&"")), |(_, mend)| (*mend).into())
}
