//! The contract: Avro schemas, protobufs, topics, and the codecs between bytes and nouns.
