//! A trace and the partitions that it may come by belong to the same store.

use std::sync::Arc;

use kafka::partition_of;
use model::TraceId;
use proptest::prelude::*;
use storage::Stores;

proptest! {
    #[test]
    fn a_trace_lies_in_the_store_of_its_partition_however_many_there_are(
        id in prop::array::uniform16(any::<u8>()),
        stores in 0u32..5,
        more in 0u32..7,
    ) {
        prop_assume!(id != [0; 16]);
        let id = TraceId::new(id).expect("not zero");
        let (count, partitions) = (1usize << stores, 1u32 << (stores + more));
        let stores = Stores::new((0..count).map(Arc::new).collect()).expect("a power of two");
        let partition = partition_of(id.as_bytes(), partitions);
        prop_assert_eq!(stores.of_partition(partition), stores.of_trace(id));
    }
}
