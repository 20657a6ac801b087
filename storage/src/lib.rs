//! The only SQL: migrations, writer, reader, search, catalogues, retention.
