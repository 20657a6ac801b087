//! The embedded Postgres: made once by `initdb`, run by an unprivileged user.

mod home;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bootstrap::{Readiness, Secret};
use rustix::process::Signal;

use super::child::ChildSpec;
use super::config::EmbeddedConfig;
use super::data_dir::DataDir;
use super::health::Health;
use super::runtime::Runtime;
use super::supervise::Server;
use super::user::User;
use home::Home;

/// The superuser that `initdb` makes, and the database that spoor uses.
const SUPERUSER: &str = "postgres";
const DATABASE: &str = "spoor";
/// File beside the cluster with the password of the superuser.
const PASSWORD: &str = "password";

/// Longest folder that a socket may lie in: the kernel takes 107 bytes with the socket's name.
const LONGEST_SOCKET_FOLDER: usize = 88;

/// A server that was started, and how to reach it.
pub(crate) struct Started {
    pub(crate) server: Server,
    /// Over TCP.
    pub(crate) url: Secret,
    /// Folder of its Unix socket, unless its name is not fit for one.
    pub(crate) socket: Option<PathBuf>,
}

/// Makes the cluster if need be and starts the server.
pub(crate) async fn start(
    config: &EmbeddedConfig,
    data: &DataDir,
    runtime: &Runtime,
    port: u16,
    readiness: &Readiness,
) -> anyhow::Result<Started> {
    let user = User::for_postgres()?;
    let home = Home::prepare(data, &runtime.postgres(), user.as_ref())?;
    let run = Run {
        config,
        data,
        home: &home,
        user,
    };
    let password = run.password()?;
    if !home.cluster().join("PG_VERSION").exists() {
        run.initialise().await?;
    }
    // Leftovers are gone, so the file is stale; its process id may be another program's by now.
    remove_if_there(&home.cluster().join("postmaster.pid"))?;
    remove_if_there(&home.folder().join(format!(".s.PGSQL.{port}.lock")))?;
    let spec = run.spec("postgres", run.server_arguments(port), &home.cluster());
    let health = Health::Postgres {
        data: home.cluster(),
    };
    let server = Server::start(spec, health, readiness.register("embedded postgres"));
    Ok(Started {
        server,
        url: url(&password, port),
        socket: run.socket_folder().map(Path::to_owned),
    })
}

fn url(password: &str, port: u16) -> Secret {
    Secret::new(format!(
        "postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{DATABASE}"
    ))
}

/// The URL of a cluster that was made in a data folder.
pub(crate) fn url_of(data: &Path, port: u16) -> io::Result<Secret> {
    let password = std::fs::read_to_string(data.join("postgres").join(PASSWORD))?;
    Ok(url(password.trim(), port))
}

struct Run<'a> {
    config: &'a EmbeddedConfig,
    data: &'a DataDir,
    home: &'a Home,
    user: Option<User>,
}

impl Run<'_> {
    fn spec(&self, program: &str, arguments: Vec<OsString>, folder: &Path) -> ChildSpec {
        ChildSpec {
            name: "Postgres",
            program: self.home.programs().join("bin").join(program),
            arguments,
            folder: folder.to_owned(),
            user: self.user.clone(),
            log: self.data.log("postgres"),
            // "Fast": ends sessions, then writes a checkpoint.
            stop_signal: Signal::INT,
            // "Immediate": ends its own children too, and recovers at the next start.
            orphan_signal: Signal::QUIT,
            stop_timeout: self.config.stop_timeout,
        }
    }

    /// Makes the cluster beside its place and moves it there, so that a half-made one is never used.
    async fn initialise(&self) -> anyhow::Result<()> {
        let folder = self.home.folder();
        let unfinished = folder.join("unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished)?;
        }
        let mut arguments =
            words("--encoding=UTF8 --locale=C --data-checksums --auth=scram-sha-256");
        arguments.extend(words(&format!(
            "--username={SUPERUSER} --pwfile=password -D unfinished"
        )));
        self.spec("initdb", arguments, folder).run().await?;
        let statement = folder.join("unfinished/create.sql");
        std::fs::write(&statement, format!("CREATE DATABASE {DATABASE};\n"))?;
        self.create_database(folder, &statement).await?;
        std::fs::rename(&unfinished, self.home.cluster())?;
        Ok(())
    }

    /// Postgres' single-user mode reads the statement from standard input.
    async fn create_database(&self, folder: &Path, statement: &Path) -> anyhow::Result<()> {
        let server = self.home.programs().join("bin/postgres");
        let mut spec = self.spec("postgres", Vec::new(), folder);
        spec.program = "/bin/sh".into();
        spec.arguments = vec![
            "-c".into(),
            "exec \"$0\" --single -D unfinished postgres < \"$1\"".into(),
            server.into(),
            statement.into(),
        ];
        spec.run().await?;
        std::fs::remove_file(statement)?;
        Ok(())
    }

    fn server_arguments(&self, port: u16) -> Vec<OsString> {
        let settings = &self.config.postgres;
        let socket = self
            .socket_folder()
            .map(|folder| folder.display().to_string());
        let socket = socket.unwrap_or_default();
        let mib = |size: bootstrap::ByteSize| format!("{}MB", size.0 >> 20);
        let options = [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", port.to_string()),
            ("unix_socket_directories", socket),
            ("max_connections", settings.max_connections.to_string()),
            ("shared_buffers", mib(settings.shared_buffers)),
            ("max_wal_size", mib(settings.max_wal_size)),
            ("min_wal_size", "128MB".to_owned()),
            ("synchronous_commit", "on".to_owned()),
            ("checkpoint_timeout", "15min".to_owned()),
            ("max_locks_per_transaction", "256".to_owned()),
            ("random_page_cost", "1.1".to_owned()),
            ("jit", "off".to_owned()),
            ("log_checkpoints", "off".to_owned()),
        ];
        let mut arguments = vec![OsString::from("-D"), self.home.cluster().into()];
        for (name, value) in options {
            arguments.push("-c".into());
            arguments.push(format!("{name}={value}").into());
        }
        arguments
    }

    /// Where the socket lies: in the cluster's folder, if Postgres and URLs take its name as it is.
    fn socket_folder(&self) -> Option<&Path> {
        let folder = self.home.folder();
        let text = folder.to_str()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        (text.len() <= LONGEST_SOCKET_FOLDER && text.chars().all(plain)).then_some(folder)
    }

    /// The superuser's password, drawn at the first start.
    fn password(&self) -> io::Result<String> {
        let path = self.home.folder().join(PASSWORD);
        match std::fs::read_to_string(&path) {
            Ok(password) => return Ok(password.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let password = uuid::Uuid::new_v4().simple().to_string();
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(password.as_bytes())?;
        if let Some(user) = &self.user {
            user.own(&path)?;
        }
        Ok(password)
    }
}

fn words(text: &str) -> Vec<OsString> {
    text.split(' ').map(OsString::from).collect()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
