//! How many requests run, how many wait, and who is turned away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use model::Tenant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::QueryLimits;

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests wait already")]
pub(super) struct Full;

/// Lets requests in, first come first served within a tenant.
#[derive(Debug)]
pub(super) struct Admission {
    running: Arc<Semaphore>,
    tenants: Mutex<HashMap<Tenant, Weak<Semaphore>>>,
    per_tenant: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// The right to run, for as long as it lives.
#[derive(Debug)]
pub(super) struct Permit {
    _running: OwnedSemaphorePermit,
    _of_tenant: OwnedSemaphorePermit,
}

impl Admission {
    pub(super) fn new(limits: &QueryLimits) -> Self {
        Self {
            running: Arc::new(Semaphore::new(limits.max_running.max(1))),
            tenants: Mutex::default(),
            per_tenant: limits.max_running_per_tenant.max(1),
            waiting: AtomicUsize::new(0),
            max_waiting: limits.max_waiting,
        }
    }

    /// Waits for its turn; fails at once when too many wait.
    pub(super) async fn enter(&self, tenant: &Tenant) -> Result<Permit, Full> {
        let of_tenant = self.of_tenant(tenant);
        if let Ok(of_tenant) = of_tenant.clone().try_acquire_owned()
            && let Ok(running) = self.running.clone().try_acquire_owned()
        {
            return Ok(Permit {
                _running: running,
                _of_tenant: of_tenant,
            });
        }
        let _waiting = self.wait()?;
        // The semaphores are never closed.
        let of_tenant = of_tenant.acquire_owned().await.map_err(|_| Full)?;
        let running = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Full)?;
        Ok(Permit {
            _running: running,
            _of_tenant: of_tenant,
        })
    }

    fn wait(&self) -> Result<Waiting<'_>, Full> {
        let guard = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.max_waiting {
            Ok(guard)
        } else {
            Err(Full)
        }
    }

    fn of_tenant(&self, tenant: &Tenant) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = tenants.get(tenant).and_then(Weak::upgrade) {
            return present;
        }
        // Tenants without a request are forgotten.
        tenants.retain(|_, semaphore| semaphore.strong_count() > 0);
        let fresh = Arc::new(Semaphore::new(self.per_tenant));
        tenants.insert(tenant.clone(), Arc::downgrade(&fresh));
        fresh
    }
}

/// One request that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn admission(running: usize, per_tenant: usize, waiting: usize) -> Admission {
        Admission::new(&QueryLimits {
            max_running: running,
            max_running_per_tenant: per_tenant,
            max_waiting: waiting,
            ..QueryLimits::default()
        })
    }

    #[tokio::test]
    async fn beyond_the_queue_requests_are_turned_away() {
        let (admission, tenant) = (admission(1, 1, 1), Tenant::default());
        let running = admission.enter(&tenant).await.expect("the first one runs");
        let mut waiting = Box::pin(admission.enter(&tenant));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(matches!(
            admission.enter(&tenant).now_or_never(),
            Some(Err(Full))
        ));
        drop(running);
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn a_request_that_gives_up_waiting_frees_its_place() {
        let (admission, tenant) = (admission(1, 1, 1), Tenant::default());
        let _running = admission.enter(&tenant).await.expect("the first one runs");
        for _ in 0..3 {
            assert!(admission.enter(&tenant).now_or_never().is_none());
        }
    }

    #[tokio::test]
    async fn one_tenant_leaves_room_for_the_others() {
        let admission = admission(3, 2, 9);
        let [a, b] = ["a", "b"].map(|name| Tenant::parse(name).expect("a name"));
        let _first = admission.enter(&a).await.expect("runs");
        let _second = admission.enter(&a).await.expect("runs");
        assert!(admission.enter(&a).now_or_never().is_none());
        assert!(matches!(admission.enter(&b).now_or_never(), Some(Ok(_))));
    }
}
