//! The machine, the compiler and the commit behind the figures.

use std::process::Command;
use std::time::SystemTime;

/// What a reader must know to interpret a figure.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// How many processors the process may use.
    pub processors: usize,
    /// The operating system and its version.
    pub system: String,
    /// The compiler's version.
    pub compiler: String,
    /// The commit of the source, with `+` if the working tree had changes.
    pub commit: String,
    /// When the run was started, in UTC.
    pub date: String,
}

impl Machine {
    /// This machine, now. A fact that cannot be found out is replaced by a coarser one or by `unknown`.
    pub fn here() -> Machine {
        let unknown = || "unknown".to_owned();
        let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let source = ["-C", env!("CARGO_MANIFEST_DIR")];
        let commit = say("git", &[&source[..], &["rev-parse", "--short=10", "HEAD"]].concat());
        let changes = say("git", &[&source[..], &["status", "--porcelain"]].concat());
        Machine {
            processor: model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            system: say("uname", &["-sr"]).unwrap_or_else(|| std::env::consts::OS.to_owned()),
            compiler: say("rustc", &["--version"]).unwrap_or_else(unknown),
            commit: commit.map_or_else(unknown, |id| if changes.is_some() { id + "+" } else { id }),
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        }
    }

    /// Names and values, in the order in which reports show them.
    pub fn facts(&self) -> [(&'static str, String); 6] {
        [
            ("processor", self.processor.clone()),
            ("processors", self.processors.to_string()),
            ("system", self.system.clone()),
            ("compiler", self.compiler.clone()),
            ("commit", self.commit.clone()),
            ("date", self.date.clone()),
        ]
    }
}

/// What a program prints, or `None` if it fails or prints nothing.
fn say(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
