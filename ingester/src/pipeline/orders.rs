//! What a partition is told by the group and by the process.

use std::future::Future;

use bootstrap::Stop;
use tokio::sync::watch;

/// Why a partition's life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The group moves it elsewhere: finish the write under way, then let go.
    Revoke,
    /// The group has taken it away already: drop everything.
    Lose,
    /// The process stops: write what is held, then let go.
    Stop,
}

/// Gives orders to one partition. Dropping it means [`Order::Lose`].
#[derive(Debug)]
pub struct OrderGiver(watch::Sender<Option<Order>>);

impl OrderGiver {
    /// The partition is to be let go.
    pub fn revoke(&self) {
        self.0.send_replace(Some(Order::Revoke));
    }

    /// The partition is gone.
    pub fn lose(&self) {
        self.0.send_replace(Some(Order::Lose));
    }
}

/// The orders of one partition.
#[derive(Debug)]
pub struct Orders {
    given: watch::Receiver<Option<Order>>,
    stop: Stop,
}

/// Orders for one partition of a process that ends with `stop`.
pub fn orders(stop: Stop) -> (OrderGiver, Orders) {
    let (sender, given) = watch::channel(None);
    (OrderGiver(sender), Orders { given, stop })
}

impl Orders {
    /// Waits for an order. Cancel safe; says the same again when asked again.
    pub async fn next(&mut self) -> Order {
        tokio::select! {
            biased;
            order = given(&mut self.given) => order,
            () = self.stop.stopped() => Order::Stop,
        }
    }

    /// Does something, unless an order comes first.
    pub async fn unless_given<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Order> {
        tokio::select! {
            biased;
            order = self.next() => Err(order),
            done = work => Ok(done),
        }
    }

    /// Waits until what is left must be dropped: the partition is lost, or the time to drain over.
    pub async fn overdue(&mut self) {
        let lost = async {
            // The sender is gone, or the value is there: both mean that it is lost.
            let _ = self
                .given
                .wait_for(|order| *order == Some(Order::Lose))
                .await;
        };
        tokio::select! {
            () = lost => {}
            () = self.stop.overdue() => {}
        }
    }
}

async fn given(orders: &mut watch::Receiver<Option<Order>>) -> Order {
    match orders.wait_for(Option::is_some).await {
        Ok(order) => order.unwrap_or(Order::Lose),
        Err(_) => Order::Lose,
    }
}
