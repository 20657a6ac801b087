//! Where the servers' programs lie.

use std::path::PathBuf;

use super::Plan;
use super::config::EmbeddedConfig;

/// The programs of a planned server are not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "{what} is not in {}: run `make runtime` in the source folder, or say --runtime-dir{}",
    folder.display(),
    if *java_only { "; `--deployment direct` needs Postgres alone" } else { "" }
)]
pub(crate) struct MissingProgram {
    what: &'static str,
    folder: PathBuf,
    java_only: bool,
}

/// The folder with the programs.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    folder: PathBuf,
}

impl Runtime {
    /// Kafka's jars.
    pub(crate) fn kafka(&self) -> PathBuf {
        self.folder.join("kafka")
    }

    /// The registry's jars.
    pub(crate) fn registry(&self) -> PathBuf {
        self.folder.join("registry")
    }

    /// Postgres' `bin`, `lib` and `share`.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }
}

/// Finds the programs of the planned servers.
pub(crate) fn find(config: &EmbeddedConfig, plan: Plan) -> Result<Runtime, MissingProgram> {
    let folder = config
        .runtime_dir
        .clone()
        .unwrap_or_else(beside_the_executable);
    // The servers run in folders of their own.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let runtime = Runtime { folder };
    let wanted = [
        (plan.kafka, "Kafka", runtime.kafka().join("lib"), true),
        (
            plan.registry,
            "the schema registry",
            runtime.registry().join("lib"),
            true,
        ),
        (
            plan.postgres,
            "Postgres",
            runtime.postgres().join("bin/postgres"),
            false,
        ),
    ];
    for (planned, what, path, java_only) in wanted {
        if planned && !path.exists() {
            return Err(MissingProgram {
                what,
                folder: runtime.folder,
                java_only,
            });
        }
    }
    Ok(runtime)
}

/// `runtime` next to the folder of the program: `target/release/spoor` → `target/runtime`.
fn beside_the_executable() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let above = program.parent().and_then(|folder| folder.parent());
    above
        .map(|folder| folder.join("runtime"))
        .unwrap_or_else(|| PathBuf::from("runtime"))
}
