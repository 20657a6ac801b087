//! The whole stack as its users see it.
