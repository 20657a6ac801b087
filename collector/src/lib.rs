//! receive → decode → validate → enrich → encode → publish
