//! A child server that is started again when it dies.

use std::time::Duration;

use bootstrap::{ReadinessFlag, Stop, StopHandle, chain};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::child::{Child, ChildError, ChildSpec, describe};
use super::health::Health;

/// First pause before a dead server is started again; doubled each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that ran so long has recovered: the next pause is the shortest.
const STEADY: Duration = Duration::from_secs(60);
const STARTING_POLL: Duration = Duration::from_millis(100);
const RUNNING_POLL: Duration = Duration::from_secs(5);
/// A server that fails so many checks in a row is reported.
const MISSED_CHECKS: u32 = 3;

/// How far a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Starting,
    Healthy,
    /// It ended before it was healthy for the first time; how.
    Failed(String),
}

/// A supervised server.
pub(crate) struct Server {
    spec: ChildSpec,
    state: watch::Receiver<State>,
    stop: StopHandle,
    task: JoinHandle<()>,
}

struct Supervisor {
    spec: ChildSpec,
    health: Health,
    ready: ReadinessFlag,
    state: watch::Sender<State>,
    stop: Stop,
}

impl Server {
    /// Begins to run and watch a server.
    pub(crate) fn start(spec: ChildSpec, health: Health, ready: ReadinessFlag) -> Self {
        let (handle, stop) = Stop::new();
        let (sender, state) = watch::channel(State::Starting);
        let supervisor = Supervisor {
            spec: spec.clone(),
            health,
            ready,
            state: sender,
            stop,
        };
        Self {
            spec,
            state,
            stop: handle,
            task: tokio::spawn(supervisor.run()),
        }
    }

    /// Waits until it has been healthy once.
    pub(crate) async fn healthy(&mut self, within: Duration) -> Result<(), ChildError> {
        let settled = self.state.wait_for(|state| *state != State::Starting);
        let state = match tokio::time::timeout(within, settled).await {
            Err(_) => return Err(self.spec.late(within)),
            Ok(Err(_)) => State::Failed("its supervisor ended".to_owned()),
            Ok(Ok(state)) => state.clone(),
        };
        match state {
            State::Failed(status) => Err(self.spec.ended(&status)),
            State::Starting | State::Healthy => Ok(()),
        }
    }

    /// Stops it and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.stop();
        if let Err(error) = self.task.await {
            tracing::error!(error = %chain(&error), "The supervisor of {} failed", self.spec.name);
        }
    }
}

impl Supervisor {
    async fn run(self) {
        let mut pause = SHORTEST_PAUSE;
        while !self.stop.is_stopped() {
            let started = Instant::now();
            let status = match self.spec.launch().await {
                Ok(child) => match self.watch(child).await {
                    Some(status) => status,
                    None => return,
                },
                Err(error) => chain(&error).to_string(),
            };
            if self.failed_to_start(&status) {
                return;
            }
            if started.elapsed() > STEADY {
                pause = SHORTEST_PAUSE;
            }
            self.report(&status, pause);
            tokio::select! {
                () = self.stop.stopped() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Watches a running child: `None` when it was stopped on demand, else how it ended.
    async fn watch(&self, mut child: Child) -> Option<String> {
        let pid = child.pid();
        let checks = self.check_for_ever(pid);
        tokio::select! {
            () = self.stop.stopped() => {}
            status = child.ended() => return Some(describe(status)),
            () = checks => {}
        }
        self.ready.not_ready("stopping");
        child.stop(&self.spec).await;
        None
    }

    async fn check_for_ever(&self, pid: u32) {
        let mut missed = 0;
        let mut poll = STARTING_POLL;
        loop {
            if self.health.check(pid).await {
                self.answered(missed >= MISSED_CHECKS, pid);
                missed = 0;
                poll = RUNNING_POLL;
            } else if poll == RUNNING_POLL {
                missed += 1;
                self.missed(missed);
            }
            tokio::time::sleep(poll).await;
        }
    }

    fn answered(&self, again: bool, pid: u32) {
        let first = self.state.send_if_modified(|state| {
            let first = *state != State::Healthy;
            *state = State::Healthy;
            first
        });
        self.ready.ready();
        if first || again {
            tracing::info!(process.pid = pid, "{} is up", self.spec.name);
        }
    }

    fn missed(&self, missed: u32) {
        if missed == MISSED_CHECKS {
            tracing::warn!("{} does not answer", self.spec.name);
            self.ready.not_ready("does not answer");
        }
    }

    fn failed_to_start(&self, status: &str) -> bool {
        self.state.send_if_modified(|state| {
            let starting = *state == State::Starting;
            if starting {
                *state = State::Failed(status.to_owned());
            }
            starting
        })
    }

    fn report(&self, status: &str, pause: Duration) {
        tracing::warn!(
            log.file = %self.spec.log.display(),
            "{} ended with {status}: starting it again in {pause:?}",
            self.spec.name,
        );
        self.ready
            .not_ready(format!("ended with {status}, is being started again"));
    }
}
