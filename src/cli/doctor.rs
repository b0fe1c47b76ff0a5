//! `posed doctor`: each thing of this machine that posed needs, with the mend where it is not right. Exit code 1 if something is a problem.

use crate::capture::v4l2::describe_device;
use crate::doctor::{self, Level, cameras::CameraFacts};
use std::path::Path;
use std::process::ExitCode;

pub fn run() -> anyhow::Result<ExitCode> {
    let camera = |path: &Path| {
        describe_device(path).map(|r| CameraFacts {
            card: r.card,
            driver: r.driver,
            formats: r.formats,
            is_capture: r.is_capture,
            bayer_only: r.bayer_only,
        })
    };
    let findings = doctor::examine(Path::new("/"), &camera);
    for finding in &findings {
        println!("{finding}");
    }
    Ok(if doctor::worst(&findings) == Level::Problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
