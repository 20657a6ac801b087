//! The queue on real files: what is appended is taken, whatever happens in between.

use std::fs;
use std::path::Path;

use bootstrap::ByteSize;
use model::Tenant;
use tempfile::TempDir;

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn config(folder: &Path) -> QueueConfig {
    QueueConfig {
        directory: folder.display().to_string(),
        max_bytes: ByteSize::kib(64),
        segment_bytes: ByteSize(500),
        ..QueueConfig::default()
    }
}

struct Opened {
    queue: Queue,
    reader: Reader,
    closed: CancellationToken,
}

async fn open_with(config: &QueueConfig, batch: &BatchConfig) -> Opened {
    let closed = CancellationToken::new();
    let opened = Queue::open(config, batch, closed.clone()).await;
    let (queue, reader) = opened.expect("it opens");
    Opened {
        queue,
        reader,
        closed,
    }
}

/// Takes one parcel at a time.
async fn open(folder: &Path) -> Opened {
    let one = BatchConfig {
        spans: 1,
        ..BatchConfig::default()
    };
    open_with(&config(folder), &one).await
}

fn parcel(n: u8) -> Parcel {
    Parcel {
        tenant: Tenant::default(),
        spans: 1,
        bytes: vec![n; 100].into(),
    }
}

impl Opened {
    async fn append(&self, numbers: impl IntoIterator<Item = u8>) {
        for n in numbers {
            self.queue.append(parcel(n)).await.expect("there is room");
        }
    }

    /// Takes and delivers so many.
    async fn deliver(&mut self, count: usize) -> Vec<u8> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let taken = self.reader.next().await.expect("there are more");
            numbers.extend(taken.parcels.iter().map(|parcel| parcel.bytes[0]));
            self.queue.delivered(&taken);
        }
        numbers
    }

    /// Takes everything that is left.
    async fn rest(mut self) -> Vec<u8> {
        self.closed.cancel();
        let mut numbers = Vec::new();
        while let Some(taken) = self.reader.next().await {
            numbers.extend(taken.parcels.iter().map(|parcel| parcel.bytes[0]));
        }
        numbers
    }
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "spans"));
    files.sort();
    files
}

#[tokio::test]
async fn what_is_appended_is_taken_in_order() {
    let folder = folder();
    let mut opened = open(folder.path()).await;
    opened.append(1..=9).await;
    assert_eq!(opened.deliver(9).await, (1..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_not_delivered_is_there_after_a_restart() {
    let folder = folder();
    let mut opened = open(folder.path()).await;
    opened.append(1..=9).await;
    opened.deliver(3).await;
    drop(opened);
    let opened = open(folder.path()).await;
    opened.append(10..=11).await;
    assert_eq!(opened.rest().await, (4..=11).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lost_cursor_costs_a_second_delivery_and_nothing_else() {
    let folder = folder();
    let mut opened = open(folder.path()).await;
    opened.append(1..=3).await;
    opened.deliver(2).await;
    drop(opened);
    fs::write(folder.path().join("cursor"), b"damaged").expect("it can be written");
    assert_eq!(open(folder.path()).await.rest().await, [1, 2, 3]);
}

#[tokio::test]
async fn a_torn_end_is_passed_over_and_what_follows_is_taken() {
    let folder = folder();
    let opened = open(folder.path()).await;
    opened.append(1..=2).await;
    drop(opened);
    let first = &segments(folder.path())[0];
    let bytes = fs::read(first).expect("a file");
    for torn in [bytes.len() - 1, bytes.len() - 101, bytes.len() / 2 + 3] {
        fs::write(first, &bytes[..torn]).expect("it can be written");
        let opened = open(folder.path()).await;
        opened.append([7]).await;
        let rest = opened.rest().await;
        assert_eq!((rest[0], rest.last()), (1, Some(&7)), "{torn}");
        assert!(!rest.contains(&2), "{torn}");
    }
}

#[tokio::test]
async fn a_damaged_record_costs_the_rest_of_its_file_alone() {
    let folder = folder();
    let opened = open(folder.path()).await;
    opened.append(1..=9).await;
    drop(opened);
    let first = &segments(folder.path())[0];
    let mut bytes = fs::read(first).expect("a file");
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    fs::write(first, bytes).expect("it can be written");
    let rest = open(folder.path()).await.rest().await;
    assert!(
        rest.starts_with(&[1]) && rest.ends_with(&[8, 9]),
        "{rest:?}"
    );
}

#[tokio::test]
async fn files_go_when_all_of_them_is_delivered() {
    let folder = folder();
    let mut opened = open(folder.path()).await;
    opened.append(1..=20).await;
    let before = segments(folder.path()).len();
    opened.deliver(20).await;
    assert!(before > 3 && segments(folder.path()).len() <= 1);
}

#[tokio::test]
async fn a_full_queue_takes_nothing_until_something_is_delivered() {
    let folder = folder();
    let small = QueueConfig {
        max_bytes: ByteSize(1000),
        ..config(folder.path())
    };
    let one = BatchConfig {
        spans: 1,
        ..BatchConfig::default()
    };
    let mut opened = open_with(&small, &one).await;
    opened.append(1..=8).await;
    let refused = opened.queue.append(parcel(9)).await;
    assert!(matches!(refused, Err(QueueError::Full)));
    assert!(!opened.queue.has_room(200));
    opened.deliver(5).await;
    opened.append([9]).await;
    assert_eq!(opened.rest().await, [6, 7, 8, 9]);
}

#[tokio::test]
async fn a_request_holds_one_tenants_parcels_within_the_limits() {
    let folder = folder();
    let batch = BatchConfig {
        spans: 3,
        ..BatchConfig::default()
    };
    let mut opened = open_with(&config(folder.path()), &batch).await;
    let other = Tenant::parse("acme").expect("a name");
    let mut sizes = Vec::new();
    opened.append(1..=2).await;
    let of_other = Parcel {
        tenant: other,
        ..parcel(3)
    };
    opened.queue.append(of_other).await.expect("there is room");
    for _ in 0..2 {
        let taken = opened.reader.next().await.expect("there are more");
        sizes.push(taken.parcels.len());
    }
    assert_eq!(sizes, [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_folder_belongs_to_one_agent() {
    let folder = folder();
    let _opened = open(folder.path()).await;
    let second = Queue::open(
        &config(folder.path()),
        &BatchConfig::default(),
        CancellationToken::new(),
    )
    .await;
    let kind = second.err().map(|error| error.kind());
    assert_eq!(kind, Some(io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn parcels_larger_than_a_request_are_taken_alone() {
    let folder = folder();
    let tiny = BatchConfig {
        bytes: ByteSize(16),
        ..BatchConfig::default()
    };
    let opened = open_with(&config(folder.path()), &tiny).await;
    opened.append(1..=3).await;
    assert_eq!(opened.rest().await, [1, 2, 3]);
}
