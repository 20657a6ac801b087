//! Kafka records in and out: producer, consumer, partitions, offsets. Knows nothing of spans.
