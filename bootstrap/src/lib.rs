//! What every process needs: configuration, logging, metrics, admin server, signals, shutdown.
