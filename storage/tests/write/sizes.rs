//! What a store says of its size.

use crate::store::TestStore;
use crate::writing::span;

#[tokio::test]
async fn what_is_at_rest_is_told_by_part() {
    let store = TestStore::new().await;
    let empty = store.store.sizes().await.expect("reads");
    let traces: Vec<_> = (1..=60).map(|id| span("shop", id, 0)).collect();
    store.write(&traces).await;
    let full = store.store.sizes().await.expect("reads");
    assert_eq!((empty.spans, full.spans), (0, 60));
    assert!(full.payload > 0 && full.rows > empty.rows && full.row_indexes > empty.row_indexes);
    assert!(full.token_index > empty.token_index && full.derived > empty.derived);
    assert!(full.wal > empty.wal);
}
