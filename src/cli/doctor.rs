//! `posed doctor`: each thing of this machine that posed needs, with the mend where it is not right. Exit code 1 if something is a problem.

use crate::capture::v4l2::describe_device;
use crate::doctor::{self, Level};
use std::path::Path;
use std::process::ExitCode;

pub fn run() -> anyhow::Result<ExitCode> {
    let findings = doctor::examine(Path::new("/"), &describe_device);
    for finding in &findings {
        println!("{finding}");
    }
    Ok(if doctor::worst(&findings) == Level::Problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
