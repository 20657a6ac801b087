//! The end of a partition's life: what is under way or held is written, then it is let go.

use storage::TraceWriter;

use super::{Order, Orders, Shell, ended};
use crate::{DeadLetters, DrainNext, Draining, Released, Running, SpanLog};

impl<L: SpanLog, W: TraceWriter, D: DeadLetters> Shell<L, W, D> {
    /// write → commit for what is left, as far as the order and the time allow.
    pub(super) async fn drain(
        &mut self,
        running: Running,
        order: Order,
        orders: &mut Orders,
    ) -> Option<Released> {
        let mut draining = match order {
            Order::Revoke => running.revoke(),
            Order::Stop => running.stop(self.stages.now()),
            Order::Lose => return None,
        };
        tokio::select! {
            () = self.finish(&mut draining) => {}
            () = orders.overdue() => {}
        }
        let released = draining.release();
        tracing::info!(
            kafka.topic = self.source.topic,
            kafka.partition = self.source.partition,
            kafka.offset = released.watermark,
            records.left = released.records_left,
            "Let a partition go"
        );
        Some(released)
    }

    async fn finish(&mut self, draining: &mut Draining) {
        loop {
            match draining.next(self.stages.now()) {
                DrainNext::Write(request) => self.writing = Some(self.begin(*request)),
                DrainNext::Wait(wake_at) => {
                    let wait = self.wait(wake_at);
                    tokio::select! {
                        outcome = ended(&mut self.writing) => {
                            let verdict = draining.written(outcome, self.stages.now());
                            self.settle(&verdict);
                        }
                        () = tokio::time::sleep(wait) => {}
                    }
                }
                DrainNext::Release => return,
            }
        }
    }
}
