//! Jobs, leases and holds, with the rows before one's eyes.

use std::time::Duration;

use model::TimeRange;
use sqlx::{Connection, Executor};
use storage::{
    Owner, ReplayCommand, ReplayError, ReplayRenewal, ReplaySpec, ReplayState, ReplayStretch,
    Source, TraceWriter, replay_consumer,
};
use uuid::Uuid;

use crate::store::TestStore;

const LEASE: Duration = Duration::from_secs(60);

fn spec() -> ReplaySpec {
    ReplaySpec {
        topic: "spans".to_owned(),
        received: TimeRange { start: 1, end: 2 },
        tenant: None,
        service: Some("shop".to_owned()),
        spans_per_second: Some(7),
    }
}

fn stretch(partition: i32, start: i64, end: i64) -> ReplayStretch {
    ReplayStretch {
        partition,
        start,
        end,
    }
}

#[tokio::test]
async fn a_partition_is_leased_once_until_the_lease_is_over() {
    let store = TestStore::new().await;
    let jobs = &store.store;
    let id = jobs
        .create_replay(&spec(), &[stretch(3, 10, 20), stretch(4, 7, 7)])
        .await
        .expect("makes a job");
    let lease = jobs.lease_replay(LEASE).await.expect("asks");
    let lease = lease.expect("a partition");
    assert_eq!((lease.job, lease.stretch), (id, stretch(3, 10, 20)));
    assert_eq!(lease.spec, spec());
    assert_eq!(jobs.lease_replay(LEASE).await.expect("asks"), None);

    let mut session = store.session().await;
    let over = "UPDATE spoor.replay_partition SET leased_until = now() - interval '1 second'";
    session.execute(over).await.expect("the lease is over");
    session.close().await.expect("closes");
    let next = jobs.lease_replay(LEASE).await.expect("asks");
    let next = next.expect("the same partition");
    let renewed = jobs.renew_replay(&lease, LEASE).await.expect("asks");
    assert_eq!(renewed, ReplayRenewal::Ended, "it is somebody else's");
    let renewed = jobs.renew_replay(&next, LEASE).await.expect("asks");
    assert_eq!(renewed, ReplayRenewal::Granted { working: 1 });
    assert!(
        !jobs.end_lease(&lease, true).await.expect("asks"),
        "not his to end"
    );
    assert!(jobs.end_lease(&next, true).await.expect("asks"));
    assert_eq!(
        jobs.replay(id).await.expect("reads").state,
        ReplayState::Done
    );
}

#[tokio::test]
async fn positions_begin_where_the_stretch_does() {
    let store = TestStore::new().await;
    let id = store
        .store
        .create_replay(&spec(), &[stretch(3, 10, 20)])
        .await;
    let source = Source {
        consumer: replay_consumer(id.expect("makes a job")),
        topic: "spans".to_owned(),
        partition: 3,
    };
    let claimed = store.store.claim(&source, Owner(Uuid::new_v4())).await;
    assert_eq!(claimed.expect("claims").watermark, 10);
}

#[tokio::test]
async fn a_job_that_is_over_cannot_be_changed_and_an_unknown_one_is_named() {
    let store = TestStore::new().await;
    let jobs = &store.store;
    let id = jobs.create_replay(&spec(), &[]).await.expect("makes a job");
    let refused = jobs.change_replay(id, ReplayCommand::Pause).await;
    let state = ReplayState::Done;
    assert!(matches!(refused, Err(ReplayError::State { state: found, .. }) if found == state));
    let unknown = jobs.change_replay(id + 1, ReplayCommand::Cancel).await;
    assert!(matches!(unknown, Err(ReplayError::Unknown { .. })));
    assert!(jobs.replay(id + 1).await.is_err());
}

#[tokio::test]
async fn the_slowest_ingester_counts() {
    let store = TestStore::new().await;
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let seconds = Duration::from_secs;
    let share = async |member, lag| {
        let shared = store.store.share_live_lag(member, seconds(lag)).await;
        shared.expect("shares")
    };
    assert_eq!(share(one, 9).await, seconds(9));
    assert_eq!(share(two, 1).await, seconds(9));
    assert_eq!(share(one, 0).await, seconds(1));
}
