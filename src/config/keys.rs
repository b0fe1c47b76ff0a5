//! Every key of the configuration with what to write there. In: a dotted key. Out: the mend for an
//! error on it.

/// Last parts of keys, with what they take. `*` in the place of a section stands for a name of the
/// user's.
const KEYS: [(&str, &str); 60] = [
    (
        "model",
        "write the name of a model, for example model = \"wider_naive_lite_hrnet_18\"; `posed models` lists them",
    ),
    (
        "threads",
        "write how many processors an inference may use, 1 to 16, for example threads = 2",
    ),
    (
        "cache",
        "write a directory, which is made if it is missing, for example cache = \"/var/cache/posed\"; cache = \"\" keeps no plans",
    ),
    (
        "grace_s",
        "give seconds, 0.1 or more, after which outputs are released when no frame comes, for example grace_s = 2.0",
    ),
    (
        "visible",
        "give a joint score, 0.05 to 0.95, for example visible = 0.25",
    ),
    (
        "segment",
        "write a section [segment] with model = \"…\"; docs/models.md shows one",
    ),
    (
        "find",
        "write a section [find], for example with kind = \"whole_frame\"",
    ),
    (
        "smooth",
        "write a section [smooth], for example with beta = 6.0",
    ),
    (
        "pose",
        "write a section [pose.NAME] with when = \"…\"; docs/rules.md has the language",
    ),
    (
        "action",
        "write a section [action.NAME] with kind and pose; docs/actions.md shows some",
    ),
    (
        "display",
        "write a section [display.NAME] with kind = \"framebuffer\" or \"png\"; docs/displays.md shows some",
    ),
    (
        "publish",
        "write a section [publish.NAME] with kind = \"stdout\", \"file\" or \"socket\"; docs/output.md has the lines",
    ),
    (
        "source",
        "write a section [source] with kind = \"v4l2\", \"photo\", \"clip\", \"stdin\" or \"synthetic\"",
    ),
    (
        "source.kind",
        "write kind = \"v4l2\", \"photo\", \"clip\", \"stdin\" or \"synthetic\"",
    ),
    (
        "source.device",
        "write the camera's device file, for example device = \"/dev/video0\"; `posed doctor` lists them",
    ),
    (
        "source.path",
        "write the path of a photo, clip or folder, for example path = \"clip.y4m\"",
    ),
    (
        "source.width",
        "give whole pixels, 16 to 8192, together with height, for example width = 640",
    ),
    (
        "source.height",
        "give whole pixels, 16 to 8192, together with width, for example height = 480",
    ),
    (
        "source.fps",
        "give frames a second, 0.5 to 240, for example fps = 30.0",
    ),
    (
        "source.format",
        "write format = \"yuyv\", \"nv12\" or \"mjpeg\"",
    ),
    ("source.repeat", "write repeat = true or repeat = false"),
    (
        "source.script",
        "write a list of steps, for example script = [\"frames 30\", \"stall 2\", \"end\"]",
    ),
    (
        "segment.model",
        "write the name of a segmentation network, for example model = \"/etc/posed/person.toml\"; models/README.md tells how to make one",
    ),
    (
        "find.boxes",
        "write boxes as [x, y, width, height] in pixels, for example boxes = [[0, 0, 320, 480]]",
    ),
    (
        "find.kind",
        "write kind = \"windows\", \"whole_frame\" or \"given\"",
    ),
    (
        "find.smallest",
        "give the smallest person's share of the picture's height, 0.1 to 1, for example smallest = 0.45",
    ),
    (
        "find.acquire_score",
        "give a score, 0.05 to 0.95, from which a find counts as a person, for example acquire_score = 0.35",
    ),
    (
        "find.keep_score",
        "give a score below acquire_score under which a person is lost, for example keep_score = 0.2",
    ),
    (
        "find.look_again_s",
        "give seconds, 0.1 or more, for example look_again_s = 2.0",
    ),
    (
        "smooth.min_cutoff_hz",
        "give hertz, 0 (no smoothing) to 100, for example min_cutoff_hz = 1.5",
    ),
    ("smooth.beta", "give 0 to 1000, for example beta = 6.0"),
    (
        "smooth.forget_s",
        "give seconds, 0 to 3600, for example forget_s = 1.0",
    ),
    (
        "pose.*.when",
        "write one or more rules, for example when = [\"left_wrist above left_shoulder\"]; docs/rules.md has the language",
    ),
    (
        "pose.*.hold_s",
        "give seconds, 0 to 3600, for example hold_s = 0.5",
    ),
    (
        "pose.*.release_s",
        "give seconds, 0 to 3600, for example release_s = 0.3",
    ),
    (
        "pose.*.cooldown_s",
        "give seconds, 0 to 86400, for example cooldown_s = 5.0",
    ),
    (
        "pose.*.repeat_s",
        "give seconds, 0.05 or more, for example repeat_s = 1.0",
    ),
    (
        "pose.*.margin",
        "give torso lengths, 0.001 to 2, for example margin = 0.1",
    ),
    (
        "pose.*.margin_deg",
        "give degrees, 0.1 to 90, for example margin_deg = 10.0",
    ),
    (
        "action.*.kind",
        "write kind = \"gpio\", \"command\" or \"memory\"",
    ),
    (
        "action.*.pose",
        "write the name of a pose of this file, or a list of names, for example pose = \"hands_up\"",
    ),
    (
        "action.*.line",
        "write the line's name, for example line = \"GPIO17\"; `gpioinfo` lists them",
    ),
    (
        "action.*.offset",
        "write chip = \"gpiochip0\" and offset = 17 where lines have no names",
    ),
    (
        "action.*.chip",
        "write the chip beside `offset`, for example chip = \"gpiochip0\"; `gpiodetect` lists them",
    ),
    (
        "action.*.active_low",
        "write active_low = true for a line that is on at 0, else active_low = false",
    ),
    (
        "action.*.until",
        "write the pose that ends a latch, or a list of poses, for example until = \"hands_down\"",
    ),
    (
        "action.*.overlap",
        "write overlap = true to start the program again while it runs, else overlap = false",
    ),
    (
        "action.*.path",
        "write the file that each change is noted in, for example path = \"/var/lib/posed/changes\"",
    ),
    (
        "action.*.mode",
        "write mode = \"follow\", \"pulse\" (with pulse_ms) or \"latch\"",
    ),
    (
        "action.*.pulse_ms",
        "give milliseconds, 1 to 3600000, for example pulse_ms = 200",
    ),
    (
        "action.*.argv",
        "write the program and its arguments, for example argv = [\"/usr/bin/aplay\", \"bell.wav\"]",
    ),
    (
        "action.*.time_limit_s",
        "give seconds, 0.1 to 86400, for example time_limit_s = 10.0",
    ),
    (
        "display.*.kind",
        "write kind = \"framebuffer\", \"png\" or \"memory\"",
    ),
    (
        "display.*.show",
        "write a list of picture, mask, skeleton, boxes, poses, fps, for example show = [\"picture\", \"skeleton\"]",
    ),
    (
        "display.*.device",
        "write the screen's device file, for example device = \"/dev/fb0\"; `posed doctor` lists them",
    ),
    (
        "display.*.path",
        "write the file that is drawn, for example path = \"/run/posed/picture.png\"",
    ),
    (
        "display.*.every_s",
        "give the seconds between two pictures, 0 to 86400, for example every_s = 1.0",
    ),
    (
        "publish.*.path",
        "write the file or socket, for example path = \"/run/posed/lines\"",
    ),
    (
        "publish.*.frames",
        "write frames = true for a line from every frame, frames = false for events alone",
    ),
    (
        "publish.*.kind",
        "write kind = \"stdout\", \"file\" or \"socket\" (the last two with path)",
    ),
];

/// What to write at `key`.
pub fn mend(key: &str) -> String {
    let fits = |pattern: &str| match pattern.split_once('*') {
        None => pattern == key,
        // A name of the user's may have dots.
        Some((section, last)) => {
            key.len() > section.len() + last.len()
                && key.starts_with(section)
                && key.ends_with(last)
        }
    };
    let found = KEYS.iter().find(|(pattern, _)| fits(pattern));
    found.map_or_else(
        || format!("docs/ tells what `{key}` takes"),
        |(_, mend)| (*mend).into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// serde lists a section's keys when it meets one that is not among them.
    #[test]
    fn every_key_of_the_file_has_a_mend_of_its_own() {
        let sections = [
            "",
            "source",
            "segment",
            "find",
            "smooth",
            "pose.n",
            "action.n",
            "display.n",
            "publish.n",
        ];
        for section in sections {
            let head = if section.is_empty() {
                String::new()
            } else {
                format!("[{section}]\n")
            };
            let text = format!("{head}nothing = 1\n");
            let message = toml::from_str::<super::super::file::File>(&text)
                .unwrap_err()
                .message()
                .to_string();
            let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
            assert!(!known.is_empty(), "{message}");
            for key in known {
                let key = format!("{section}.{key}")
                    .trim_start_matches('.')
                    .to_string();
                assert!(!mend(&key).contains("docs/ tells"), "{key}");
            }
        }
        assert_eq!(mend("action.a.b.kind"), mend("action.lamp.kind"));
    }
}
