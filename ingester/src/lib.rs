//! consume → decode → assemble → summarise → write → commit
