//! search/read → adjust → render
